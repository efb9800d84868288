#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "local-lambda/sandbox_guard.h"
#include "local-lambda/tmp_disk.h"

static int root_mount(const struct guard_plan *plan, struct err *e)
{
	CLEANUP_CLOSE int skeleton = open(plan->skeleton_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char options[4096]; /* the kernel takes one page */
	size_t len;

	if (skeleton < 0 || chdir(plan->image_dir) < 0)
		return err_errno(e, errno, "the image's layers");
	len = (size_t)snprintf(options, sizeof options, "lowerdir=/proc/self/fd/%d", skeleton);
	for (unsigned i = plan->layers; i > 0 && len < sizeof options; i--)
		len += (size_t)snprintf(options + len, sizeof options - len, ":%u", i - 1);
	if (len >= sizeof options)
		return err_set(e, ERR_INVALID, "the image has too many layers");
	if (mount("overlay", plan->root_dir, "overlay", MS_RDONLY | MS_NOSUID | MS_NODEV, options) < 0)
		return err_errno(e, errno, "mounting the image's %u layers", plan->layers);
	return chdir(plan->root_dir) < 0 ? err_errno(e, errno, "%s", plan->root_dir) : 0;
}

static int tmp_disk_mount(const struct guard_plan *plan, struct err *e)
{
	CLEANUP_CLOSE int image = open(plan->tmp_image, O_RDWR | O_CLOEXEC);
	CLEANUP_CLOSE int loop = -1;
	char path[32];

	if (image < 0)
		return err_errno(e, errno, "the disk of /tmp");
	if (tmp_disk_attach(image, &loop, path, e) < 0)
		return -1;
	if (mount(path, "tmp", "ext4", MS_NOSUID | MS_NODEV | MS_NOATIME, NULL) < 0)
		return err_errno(e, errno, "mounting /tmp");
	rmdir("tmp/lost+found");
	return 0;
}

/* The working directory is the new root. */
static int tmp_mount(const struct guard_plan *plan, struct err *e)
{
	struct err why;

	if (!plan->tmp_image || tmp_disk_mount(plan, &why) < 0) {
		if (plan->tmp_image)
			log_warn("/tmp is a plain directory without a limit of its size: %s", why.text);
		if (mount(plan->tmp_dir, "tmp", NULL, MS_BIND, NULL) < 0 ||
		    mount(NULL, "tmp", NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV, NULL) < 0)
			return err_errno(e, errno, "binding /tmp");
	}
	return chmod("tmp", 01777) < 0 ? err_errno(e, errno, "mode of /tmp") : 0;
}

static int dev_mount(struct err *e)
{
	static const struct {
		const char *name;
		unsigned minor, major;
	} nodes[] = {
		{ "dev/null", 3, 1 }, { "dev/zero", 5, 1 }, { "dev/full", 7, 1 }, { "dev/random", 8, 1 }, { "dev/urandom", 9, 1 }, { "dev/tty", 0, 5 },
	};
	static const char *const links[][2] = {
		{ "pts/ptmx", "dev/ptmx" }, { "/proc/self/fd", "dev/fd" }, { "/proc/self/fd/0", "dev/stdin" },
		{ "/proc/self/fd/1", "dev/stdout" }, { "/proc/self/fd/2", "dev/stderr" },
	};

	if (mount("dev", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755,size=64k,nr_inodes=64") < 0)
		return err_errno(e, errno, "mounting /dev");
	for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
		if (mknod(nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) < 0 || chmod(nodes[i].name, 0666) < 0)
			return err_errno(e, errno, "making /%s", nodes[i].name);
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		if (symlink(links[i][0], links[i][1]) < 0)
			return err_errno(e, errno, "making /%s", links[i][1]);
	if (mkdir("dev/pts", 0755) < 0 || mount(NULL, "dev", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC, NULL) < 0)
		return err_errno(e, errno, "mounting /dev");
	return 0;
}

int guard_mount(const struct guard_plan *plan, struct err *e)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_errno(e, errno, "making mounts private");
	if (root_mount(plan, e) < 0 || tmp_mount(plan, e) < 0 || dev_mount(e) < 0)
		return -1;
	/* The old root lies over the new one then, and is taken away with every mount of the host. */
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_errno(e, errno, "entering the sandbox's root");
	return 0;
}
