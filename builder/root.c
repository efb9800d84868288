#include "builder/builder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"

/* Bound into the new root, read-only unless said otherwise. Links are made again as links. */
static const struct {
	const char *path;
	bool optional;
} host_files[] = {
	{ "/usr", false },         { "/bin", false },      { "/sbin", false },       { "/lib", false },          { "/lib64", true },
	{ "/etc/ssl/certs", true }, { "/dev/null", false }, { "/dev/zero", false },   { "/dev/full", false },
	{ "/dev/random", false },  { "/dev/urandom", false }, { "/dev/tty", false }, { "/etc/ca-certificates", true },
};

static const char *const directories[] = { "build", "storage", "proc", "sys", "dev", "etc", "etc/containers", "etc/ssl", "tmp", "run", "var", "dev/shm", "dev/pts" };

static const struct {
	const char *path, *text;
} texts[] = {
	{ "etc/passwd", "root:x:0:0:root:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n" },
	{ "etc/group", "root:x:0:\nnogroup:x:65534:\n" },
	{ "etc/hosts", "127.0.0.1 localhost\n" },
	{ "etc/containers/policy.json", "{\"default\":[{\"type\":\"insecureAcceptAnything\"}]}\n" },
	{ "etc/containers/registries.conf", "unqualified-search-registries = []\n" },
};

static int write_file(const char *path, const char *text, struct err *e)
{
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return err_errno(e, errno, "writing the sandbox's /%s", path);
	return 0;
}

static int bind_path(const char *from, const char *to, bool read_only, struct err *e)
{
	unsigned long flags = MS_NOSUID | (read_only ? MS_RDONLY : 0);

	if (mount(from, to, NULL, MS_BIND | MS_REC, NULL) < 0)
		return err_errno(e, errno, "binding %s", from);
	/* What the machine mounted with nodev and the like can't be mounted without. */
	if (mount(NULL, to, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0 &&
	    mount(NULL, to, NULL, MS_REMOUNT | MS_BIND | flags | MS_NODEV, NULL) < 0 &&
	    mount(NULL, to, NULL, MS_REMOUNT | MS_BIND | flags | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return err_errno(e, errno, "binding %s", from);
	return 0;
}

static int bind_host(const char *path, bool optional, struct err *e)
{
	const char *to = path + 1;
	char target[PATH_MAX];
	struct stat st;
	ssize_t n;
	int fd;

	if (lstat(path, &st) < 0)
		return optional ? 0 : err_errno(e, errno, "%s", path);
	if (S_ISLNK(st.st_mode)) {
		n = readlink(path, target, sizeof target - 1);
		if (n < 0)
			return err_errno(e, errno, "%s", path);
		target[n] = '\0';
		return symlink(target, to) < 0 ? err_errno(e, errno, "linking %s", path) : 0;
	}
	if (S_ISDIR(st.st_mode)) {
		if (mkdir(to, 0755) < 0)
			return err_errno(e, errno, "making %s", path);
		return bind_path(path, to, true, e);
	}
	fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_errno(e, errno, "making %s", path);
	close(fd);
	return bind_path(path, to, false, e);
}

static int make_files(const struct builder *b, struct err *e)
{
	char resolv[64];

	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
		if (mkdir(directories[i], 0755) < 0)
			return err_errno(e, errno, "making /%s", directories[i]);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (write_file(texts[i].path, texts[i].text, e) < 0)
			return -1;
	snprintf(resolv, sizeof resolv, "nameserver %.*s3\n", (int)strlen(b->subnet) - 1, b->subnet);
	if (write_file("etc/resolv.conf", b->egress ? resolv : "", e) < 0)
		return -1;
	for (size_t i = 0; i < sizeof host_files / sizeof *host_files; i++)
		if (bind_host(host_files[i].path, host_files[i].optional, e) < 0)
			return -1;
	return 0;
}

/* overlay needs a file system below that can carry it: buildah's other way copies every layer. */
static const char *choose_driver(void)
{
	static const char *const make[] = { "storage/.try", "storage/.try/l", "storage/.try/u", "storage/.try/w", "storage/.try/m" };
	const char *driver = "vfs";

	for (size_t i = 0; i < sizeof make / sizeof *make; i++)
		if (mkdir(make[i], 0700) < 0 && errno != EEXIST)
			return driver;
	if (mount("overlay", "storage/.try/m", "overlay", 0, "lowerdir=storage/.try/l,upperdir=storage/.try/u,workdir=storage/.try/w,userxattr") == 0) {
		umount2("storage/.try/m", MNT_DETACH);
		driver = "overlay";
	}
	return driver;
}

static int make_storage(const struct builder *b, struct err *e)
{
	char text[256];

	if (bind_path(b->build_dir, "build", false, e) < 0 || bind_path(b->storage_dir, "storage", false, e) < 0 || bind_path("build/tmp", "tmp", false, e) < 0 ||
	    bind_path("build/run", "run", false, e) < 0)
		return -1;
	if (symlink("/tmp", "var/tmp") < 0)
		return err_errno(e, errno, "making /var/tmp");
	snprintf(text, sizeof text, "[storage]\ndriver = \"%s\"\ngraphroot = \"/storage\"\nrunroot = \"/run/storage\"\n", choose_driver());
	return write_file("etc/containers/storage.conf", text, e);
}

int root_enter(const struct builder *b, struct err *e)
{
	CLEANUP_CLOSE int oom = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	/* If the machine runs out of memory, a build goes first. */
	if (oom >= 0 && write(oom, "1000", 4) != 4)
		return err_errno(e, errno, "oom_score_adj");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_errno(e, errno, "making mounts private");
	/* Over the build's own directory `root`, which nobody else looks at. */
	if (chdir(b->build_dir) < 0 || mount("root", "root", "tmpfs", MS_NOSUID, "mode=0755,size=1m,nr_inodes=256") < 0 || chdir("root") < 0)
		return err_errno(e, errno, "mounting the sandbox's root");
	if (make_files(b, e) < 0 || make_storage(b, e) < 0)
		return -1;
	if (mount("/proc", "proc", NULL, MS_BIND | MS_REC, NULL) < 0)
		return err_errno(e, errno, "binding /proc");
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_errno(e, errno, "entering the sandbox's root");
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID, NULL) < 0)
		return err_errno(e, errno, "making the sandbox's root read-only");
	return sethostname("build", 5) < 0 ? err_errno(e, errno, "naming the sandbox") : 0;
}
