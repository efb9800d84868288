/*
 * The limits of a build that no rlimit keeps: memory of all its processes
 * together, disk, time. Looked at every quarter second; from outside of the
 * build's processes, which can't see this one.
 */
#include "builder/builder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"

#define TICK_MS 250

static uint64_t seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec;
}

/* Pages that are this process's own. */
static uint64_t own_pages(const char *pid)
{
	unsigned long size, resident, shared;
	char path[64];
	CLEANUP_FCLOSE FILE *f = NULL;

	snprintf(path, sizeof path, "/proc/%.20s/statm", pid);
	f = fopen(path, "re");
	return f && fscanf(f, "%lu %lu %lu", &size, &resident, &shared) == 3 && resident > shared ? resident - shared : 0;
}

static uint64_t memory_used(void)
{
	DIR *proc = opendir("/proc");
	uint64_t pages = 0;

	for (struct dirent *d; proc && (d = readdir(proc));)
		if (d->d_name[0] >= '0' && d->d_name[0] <= '9')
			pages += own_pages(d->d_name);
	if (proc)
		closedir(proc);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t disk_sum;

static int add_file(const char *path, const struct stat *st, int type, struct FTW *level)
{
	(void)path;
	(void)level;
	if (type != FTW_NS && st->st_nlink)
		disk_sum += (uint64_t)st->st_blocks * 512 / (S_ISDIR(st->st_mode) ? 1 : st->st_nlink);
	return 0;
}

static uint64_t disk_used(void)
{
	disk_sum = 0;
	/* Mounted layers are counted where they lie. */
	if (nftw("/storage", add_file, 32, FTW_PHYS | FTW_MOUNT) < 0 || nftw("/build", add_file, 32, FTW_PHYS | FTW_MOUNT) < 0)
		return disk_sum;
	return disk_sum;
}

static uint64_t storage_used(void)
{
	disk_sum = 0;
	return nftw("/storage", add_file, 32, FTW_PHYS | FTW_MOUNT) < 0 ? 0 : disk_sum;
}

static uint64_t disk_free(void)
{
	struct statvfs v;

	return statvfs("/storage", &v) == 0 ? (uint64_t)v.f_bavail * v.f_frsize : 0;
}

struct baseline {
	uint64_t free;     /* of the file system when last looked at closely */
	uint64_t headroom; /* that there was then */
	uint64_t deadline;
};

/* Walks the files only when the file system has lost as much as could have been the build. */
static int check_disk(const struct builder *b, struct baseline *at, struct err *e)
{
	uint64_t free_now = disk_free(), used;

	if (at->headroom && (free_now >= at->free || at->free - free_now < at->headroom / 2))
		return 0;
	used = disk_used();
	if (used >= b->disk)
		return err_set(e, ERR_TOO_LARGE, "the build needs more disk than the %llu MB it may use (SOCKERLESS_BUILD_DISK)", (unsigned long long)(b->disk >> 20));
	at->free = free_now;
	at->headroom = b->disk - used;
	return 0;
}

static int check(const struct builder *b, struct baseline *at, struct err *e)
{
	if (seconds_now() > at->deadline)
		return err_set(e, ERR_TIMEOUT, "the build took longer than %llu seconds (SOCKERLESS_BUILD_TIMEOUT)", (unsigned long long)b->seconds);
	if (memory_used() > b->memory)
		return err_set(e, ERR_TOO_LARGE, "the build's processes need more than %llu MB of memory (SOCKERLESS_BUILD_MEMORY)", (unsigned long long)(b->memory >> 20));
	return check_disk(b, at, e);
}

int watch(const struct builder *b, pid_t init, struct err *e)
{
	CLEANUP_CLOSE int end = (int)syscall(SYS_pidfd_open, init, 0);
	struct baseline at = { .deadline = seconds_now() + b->seconds };
	struct pollfd wait[] = { { .fd = end, .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };
	int rc = 0, status;

	while (end >= 0 && !(wait[0].revents & POLLIN)) {
		if (poll(wait, 2, TICK_MS) < 0 && errno != EINTR)
			break;
		if (wait[1].revents)
			rc = err_set(e, ERR_INVALID, "the client left");
		else
			rc = check(b, &at, e);
		if (rc < 0)
			break;
	}
	if (rc < 0 || end < 0)
		kill(init, SIGKILL);
	while (waitpid(init, &status, 0) < 0 && errno == EINTR)
		;
	if (rc < 0)
		return -1;
	dprintf(BUILDER_REPORT_FD, "used %llu\n", (unsigned long long)storage_used());
	return WIFEXITED(status) ? WEXITSTATUS(status) : err_set(e, ERR_INTERNAL, "the build was ended by signal %d", WTERMSIG(status));
}
