#include "agent-gateway/spool_recover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent-gateway/spool.h"
#include "lib/cleanup.h"
#include "lib/log.h"

static inline void cleanup_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

void spool_path(char path[SPOOL_PATH_MAX], const char *dir, uint64_t segment)
{
	snprintf(path, SPOOL_PATH_MAX, "%s/%016" PRIx64, dir, segment);
}

/* 0 for a file that is no segment. */
static uint64_t segment_number(const char *name)
{
	return strlen(name) == 16 && strspn(name, "0123456789abcdef") == 16 ? strtoull(name, NULL, 16) : 0;
}

static int look(const char *dir, struct spool_recovered *r, struct err *e)
{
	__attribute__((cleanup(cleanup_closedir))) DIR *d = opendir(dir);
	struct dirent *entry;

	if (!d)
		return errno == ENOENT ? 0 : err_errno(e, errno, "%s", dir);
	while ((entry = readdir(d))) {
		uint64_t n = segment_number(entry->d_name);
		struct stat st;

		if (!n || fstatat(dirfd(d), entry->d_name, &st, 0) < 0)
			continue;
		r->total += (uint64_t)st.st_size;
		if (!r->first || n < r->first)
			r->first = n;
		if (n > r->last)
			r->last = n;
	}
	return 0;
}

/* Follows the records from the segment's head to the last whole one. */
static int scan(int fd, struct spool_recovered *r, struct err *e)
{
	CLEANUP_FREE uint8_t *data = malloc(SPOOL_READ);
	uint64_t at = SPOOL_HEAD;

	if (!data)
		return err_nomem(e);
	for (;;) {
		ssize_t n = pread(fd, data, SPOOL_READ, (off_t)at);
		size_t len = 0;
		long record = 0;
		struct spool_record rec;

		if (n < 0)
			return err_errno(e, errno, "reading a segment");
		while (len < (size_t)n && (record = spool_record_get(data + len, (size_t)n - len, &rec)) > 0) {
			if (rec.run != r->offsets.run)
				r->offsets = (struct spool_offsets){ .run = rec.run };
			r->offsets.offset[rec.channel] = rec.offset + rec.len;
			len += (size_t)record;
		}
		at += len;
		if (!len)
			break;
	}
	r->size = at;
	return 0;
}

/* False: its head is torn, so it holds nothing. */
static int recover_last(const char *dir, struct spool_recovered *r, bool *ret_usable, struct err *e)
{
	char path[SPOOL_PATH_MAX];
	uint8_t head[SPOOL_HEAD];
	CLEANUP_CLOSE int fd = -1;
	struct stat st;

	spool_path(path, dir, r->last);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, errno, "%s", path);
	if (pread(fd, head, sizeof head, 0) != sizeof head || !spool_head_get(head, &r->offsets)) {
		*ret_usable = false;
		r->total -= (uint64_t)st.st_size;
		return unlink(path) < 0 ? err_errno(e, errno, "%s", path) : 0;
	}
	*ret_usable = true;
	if (scan(fd, r, e) < 0)
		return err_prefix(e, "%s", path);
	if ((uint64_t)st.st_size > r->size) {
		log_warn("%s: cutting %" PRIu64 " bytes of a torn tail", path, (uint64_t)st.st_size - r->size);
		r->total -= (uint64_t)st.st_size - r->size;
		if (ftruncate(fd, (off_t)r->size) < 0)
			return err_errno(e, errno, "%s", path);
	}
	return 0;
}

int spool_recover(const char *dir, struct spool_recovered *ret, struct err *e)
{
	struct spool_recovered r = { 0 };
	bool usable = false;

	if (look(dir, &r, e) < 0)
		return -1;
	while (r.last && !usable) {
		if (recover_last(dir, &r, &usable, e) < 0)
			return -1;
		if (!usable)
			r.last = r.last > r.first ? r.last - 1 : 0;
	}
	if (!r.last)
		r = (struct spool_recovered){ 0 };
	*ret = r;
	return 0;
}

int spool_remove(const char *dir, struct err *e)
{
	__attribute__((cleanup(cleanup_closedir))) DIR *d = opendir(dir);
	struct dirent *entry;

	if (!d)
		return errno == ENOENT ? 0 : err_errno(e, errno, "%s", dir);
	while ((entry = readdir(d)))
		if (segment_number(entry->d_name) && unlinkat(dirfd(d), entry->d_name, 0) < 0 && errno != ENOENT)
			return err_errno(e, errno, "%s/%s", dir, entry->d_name);
	return rmdir(dir) < 0 && errno != ENOENT ? err_errno(e, errno, "%s", dir) : 0;
}
