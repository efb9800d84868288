#include "agent-gateway/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent-gateway/spool_recover.h"
#include "lib/cleanup.h"
#include "lib/log.h"

struct spool {
	char *dir;
	struct spool_limits limits;
	uint64_t first, last; /* segments; 0: none yet */
	uint64_t total;       /* bytes of all segments */
	uint64_t size;        /* of the last one */
	struct spool_offsets offsets;
	int fd;               /* of the last one, for appending; -1: not open */
};

int spool_open(struct spool **ret, const char *dir, const struct spool_limits *limits, struct err *e)
{
	struct spool *s = calloc(1, sizeof *s);
	struct spool_recovered found = { 0 };

	if (!s || !(s->dir = strdup(dir))) {
		free(s);
		return err_nomem(e);
	}
	s->fd = -1;
	s->limits = *limits;
	if (!s->limits.segment || s->limits.segment > SPOOL_SEGMENT)
		s->limits.segment = SPOOL_SEGMENT;
	if (s->limits.segment < SPOOL_SEGMENT_MIN)
		s->limits.segment = SPOOL_SEGMENT_MIN;
	if (spool_recover(dir, &found, e) < 0) {
		spool_close(s);
		return -1;
	}
	s->first = found.first;
	s->last = found.last;
	s->total = found.total;
	s->size = found.size;
	s->offsets = found.offsets;
	*ret = s;
	return 0;
}

void spool_close(struct spool *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->dir);
	free(s);
}

void spool_offsets(const struct spool *s, struct spool_offsets *ret)
{
	*ret = s->offsets;
}

void spool_end(const struct spool *s, struct spool_position *ret)
{
	*ret = (struct spool_position){ s->last, s->size };
}

void spool_segments(const struct spool *s, uint64_t *ret_first, uint64_t *ret_last)
{
	*ret_first = s->first;
	*ret_last = s->last;
}

int spool_begin(const struct spool *s, uint64_t segment, struct spool_offsets *ret, struct err *e)
{
	char path[SPOOL_PATH_MAX];
	uint8_t head[SPOOL_HEAD];
	CLEANUP_CLOSE int fd = -1;

	spool_path(path, s->dir, segment);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, head, sizeof head, 0) != sizeof head || !spool_head_get(head, ret))
		return err_set(e, ERR_INTERNAL, "%s: its beginning can't be read", path);
	return 0;
}

static int write_all(int fd, const struct iovec *iov, int n, size_t len, uint64_t at)
{
	ssize_t done = pwritev(fd, iov, n, (off_t)at);

	if (done == (ssize_t)len)
		return 0;
	/* A record that stands there in part would end what can be read. */
	if (done >= 0)
		errno = ENOSPC;
	return -1;
}

static int segment_begin(struct spool *s, struct err *e)
{
	char path[SPOOL_PATH_MAX];
	uint8_t head[SPOOL_HEAD];
	struct iovec iov = { head, sizeof head };
	CLEANUP_CLOSE int fd = -1;

	if (mkdir(s->dir, 0700) < 0 && errno != EEXIST)
		return err_errno(e, errno, "%s", s->dir);
	spool_path(path, s->dir, s->last + 1);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(e, errno, "%s", path);
	spool_head_put(head, &s->offsets);
	if (write_all(fd, &iov, 1, sizeof head, 0) < 0) {
		int cause = errno;

		unlink(path);
		return err_errno(e, cause, "%s", path);
	}
	if (s->fd >= 0)
		close(s->fd);
	s->fd = fd;
	fd = -1;
	s->last++;
	if (!s->first)
		s->first = s->last;
	s->size = SPOOL_HEAD;
	s->total += SPOOL_HEAD;
	return 0;
}

static int segment_ready(struct spool *s, struct err *e)
{
	char path[SPOOL_PATH_MAX];

	if (!s->last || s->size >= s->limits.segment)
		return segment_begin(s, e);
	if (s->fd >= 0)
		return 0;
	spool_path(path, s->dir, s->last);
	s->fd = open(path, O_RDWR | O_CLOEXEC);
	return s->fd < 0 ? err_errno(e, errno, "%s", path) : 0;
}

/* What still goes into the segment: all, or what ends with the line that crosses its end. */
static size_t fitting(const struct spool *s, const struct spool_record *r)
{
	size_t room = s->size + SPOOL_RECORD < s->limits.segment ? (size_t)(s->limits.segment - s->size - SPOOL_RECORD) : 0;
	const uint8_t *newline;

	if (r->len <= room)
		return r->len;
	newline = memchr(r->data + room, '\n', r->len - room);
	return newline ? (size_t)(newline - r->data) + 1 : r->len;
}

static int write_record(struct spool *s, const struct spool_record *r, struct err *e)
{
	uint8_t head[SPOOL_RECORD];
	struct iovec iov[2];

	spool_record_put(head, r);
	iov[0] = (struct iovec){ head, sizeof head };
	iov[1] = (struct iovec){ (void *)(uintptr_t)r->data, r->len };
	if (write_all(s->fd, iov, 2, sizeof head + r->len, s->size) < 0) {
		err_errno(e, errno, "%s", s->dir);
		if (ftruncate(s->fd, (off_t)s->size) < 0)
			log_error("%s: the torn record can't be cut: %s", s->dir, strerror(errno));
		return -1;
	}
	s->size += sizeof head + r->len;
	s->total += sizeof head + r->len;
	s->offsets.offset[r->channel] += r->len;
	return 0;
}

int spool_append(struct spool *s, const struct spool_record *given, struct err *e)
{
	struct spool_record r = *given;
	const uint8_t *end = r.data + r.len;
	uint64_t reached;

	if (r.run < s->offsets.run)
		return 0;
	if (r.run > s->offsets.run)
		s->offsets = (struct spool_offsets){ .run = r.run };
	reached = s->offsets.offset[r.channel];
	if (r.offset > reached)
		return err_set(e, ERR_INTERNAL, "output is missing before offset %" PRIu64, r.offset);
	if (r.offset + r.len <= reached)
		return 0;
	r.data += reached - r.offset;
	r.offset = reached;
	while (r.data < end) {
		if (segment_ready(s, e) < 0)
			return -1;
		r.len = (size_t)(end - r.data);
		r.len = fitting(s, &r);
		if (write_record(s, &r, e) < 0)
			return -1;
		r.data += r.len;
		r.offset += r.len;
	}
	return 0;
}

/* Is there more than the limits say, so many times? */
static bool above(const struct spool *s, uint64_t times)
{
	return s->total > s->limits.total * times || (s->limits.files && s->last - s->first + 1 > s->limits.files * times);
}

void spool_trim(struct spool *s, uint64_t keep)
{
	while (s->first < s->last && above(s, 1)) {
		char path[SPOOL_PATH_MAX];
		struct stat st;

		if (keep && s->first >= keep && !above(s, 2))
			return;
		spool_path(path, s->dir, s->first);
		if (stat(path, &st) == 0 && unlink(path) == 0)
			s->total -= (uint64_t)st.st_size < s->total ? (uint64_t)st.st_size : s->total;
		s->first++;
	}
}

/* Whole records of one segment from `at` on; *ret_len: 0 if there are none. */
static int segment_read(const char *path, uint64_t at, struct buf *ret, size_t *ret_len, struct err *e)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0 && errno != ENOENT)
		return err_errno(e, errno, "%s", path);
	if (!buf_reserve(ret, SPOOL_READ))
		return err_nomem(e);
	n = fd < 0 ? 0 : pread(fd, ret->data + ret->len, SPOOL_READ, (off_t)at);
	if (n < 0)
		return err_errno(e, errno, "%s", path);
	while (len < (size_t)n) {
		struct spool_record r;
		long record = spool_record_get((uint8_t *)ret->data + ret->len + len, (size_t)n - len, &r);

		if (record <= 0)
			break;
		len += (size_t)record;
	}
	ret->len += len;
	ret->data[ret->len] = '\0';
	*ret_len = len;
	return 0;
}

int spool_read(struct spool *s, struct spool_position *position, struct buf *ret, struct err *e)
{
	struct spool_position p = *position;

	if (p.segment < s->first)
		p = (struct spool_position){ s->first, SPOOL_HEAD };
	while (p.segment && p.segment <= s->last) {
		char path[SPOOL_PATH_MAX];
		size_t len = 0;

		if (p.segment == s->last && p.at >= s->size)
			break;
		if (p.at < SPOOL_HEAD)
			p.at = SPOOL_HEAD;
		spool_path(path, s->dir, p.segment);
		if (segment_read(path, p.at, ret, &len, e) < 0)
			return -1;
		p.at += len;
		if (len || p.segment == s->last)
			break;
		p = (struct spool_position){ p.segment + 1, SPOOL_HEAD };
	}
	*position = p;
	return 0;
}
