#include "local-lambda/tmp_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/ids.h"

#define LOOP_MAJOR 7
#define ATTACH_TRIES 64

/* No journal, lazily initialised, nothing kept back for root: it lives as long as its function. */
static int mkfs_run(int fd)
{
	char path[32], *argv[] = {
		(char[]){ "mkfs.ext4" }, (char[]){ "-q" }, (char[]){ "-F" }, (char[]){ "-m" }, (char[]){ "0" }, (char[]){ "-b" }, (char[]){ "4096" },
		(char[]){ "-O" }, (char[]){ "^has_journal,^resize_inode" }, (char[]){ "-E" }, (char[]){ "lazy_itable_init=1,nodiscard" }, path, NULL,
	};
	char *envp[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }, (char[]){ "MKE2FS_SYNC=0" }, NULL };
	int status, null;
	pid_t pid = fork();

	if (pid == 0) {
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		/* The descriptor must stay open for the path to mean it. */
		fcntl(fd, F_SETFD, 0);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		execve("/usr/sbin/mkfs.ext4", argv, envp);
		execve("/sbin/mkfs.ext4", argv, envp);
		_exit(127);
	}
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Opens the template of this size, formatting it where it is missing. */
static int template_open(int templates_fd, unsigned size_mb, struct err *e)
{
	char name[48], tmp[33];
	int fd;

	snprintf(name, sizeof name, "template_%u", size_mb);
	fd = openat(templates_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	id_random(tmp, 16);
	fd = openat(templates_fd, tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(e, errno, "the template of /tmp");
	if (ftruncate(fd, (off_t)size_mb << 20) < 0 || mkfs_run(fd) != 0 || renameat(templates_fd, tmp, templates_fd, name) < 0) {
		unlinkat(templates_fd, tmp, 0);
		close(fd);
		return err_set(e, ERR_INTERNAL, "mkfs.ext4 could not format /tmp (%u MB)", size_mb);
	}
	return fd;
}

static int sparse_copy(int from, int to, off_t size)
{
	if (ftruncate(to, size) < 0)
		return -1;
	for (off_t data = 0; (data = lseek(from, data, SEEK_DATA)) >= 0;) {
		off_t end = lseek(from, data, SEEK_HOLE);

		if (end < 0)
			return -1;
		while (data < end) {
			off_t at = data, out = data;
			ssize_t n = copy_file_range(from, &at, to, &out, (size_t)(end - data), 0);

			if (n <= 0)
				return -1;
			data += n;
		}
	}
	return errno == ENXIO ? 0 : -1;
}

int tmp_disk_create(int templates_fd, int dir_fd, const char *name, unsigned size_mb, struct err *e)
{
	CLEANUP_CLOSE int from = template_open(templates_fd, size_mb, e);
	CLEANUP_CLOSE int to = -1;

	if (from < 0)
		return -1;
	to = openat(dir_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (to < 0 || sparse_copy(from, to, (off_t)size_mb << 20) < 0)
		return err_errno(e, errno, "making the disk of /tmp");
	return 0;
}

static int loop_open(int number, char path[32])
{
	snprintf(path, 32, "/dev/loop%d", number);
	/* In a container /dev doesn't follow the kernel. */
	if (mknod(path, S_IFBLK | 0600, makedev(LOOP_MAJOR, (unsigned)number)) < 0 && errno != EEXIST)
		return -1;
	return open(path, O_RDWR | O_CLOEXEC);
}

int tmp_disk_attach(int image_fd, int *ret_fd, char path[32], struct err *e)
{
	CLEANUP_CLOSE int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_config config = {
		.fd = (unsigned)image_fd,
		.block_size = 4096,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR,
	};

	if (control < 0)
		return err_errno(e, errno, "/dev/loop-control");
	for (int i = 0; i < ATTACH_TRIES; i++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);
		int fd = number < 0 ? -1 : loop_open(number, path);

		if (fd < 0)
			return err_errno(e, errno, "a loop device for /tmp");
		if (ioctl(fd, LOOP_CONFIGURE, &config) == 0) {
			*ret_fd = fd;
			return 0;
		}
		close(fd);
		/* Somebody else took it between the two calls. */
		if (errno != EBUSY)
			break;
	}
	return err_errno(e, errno, "binding %s", path);
}
