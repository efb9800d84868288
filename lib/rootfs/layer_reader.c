#include "lib/rootfs/layer_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"

#define CHUNK 65536

struct layer_reader {
	pthread_t thread;
	int in, out; /* the thread's end and the writer's */
	bool joined;
	layer_member_fn *member;
	void *arg;
	int result; /* of the thread, once joined */
	struct err why;
};

static int no_tar(struct archive *a, struct err *e)
{
	return err_set(e, ERR_UPSTREAM, "a layer can't be read: %s", archive_error_string(a) ? archive_error_string(a) : "it is cut short");
}

/* Only what unpacks within this process: libarchive runs programs for some other forms. */
static int open_tar(struct archive *a, int fd)
{
	if (archive_read_support_filter_gzip(a) < ARCHIVE_WARN || archive_read_support_filter_zstd(a) < ARCHIVE_WARN ||
	    archive_read_support_filter_xz(a) < ARCHIVE_WARN || archive_read_support_filter_bzip2(a) < ARCHIVE_WARN ||
	    archive_read_support_format_tar(a) != ARCHIVE_OK || archive_read_support_format_empty(a) != ARCHIVE_OK)
		return ARCHIVE_FATAL;
	return archive_read_open_fd(a, fd, CHUNK);
}

/* Heads that lie about sizes, and bombs. */
static int check_size(struct archive *a, struct archive_entry *entry, int64_t *files, struct err *e)
{
	int64_t size = archive_entry_size(entry);

	if (size < 0 || size > LAYER_TAR_MAX - *files || archive_filter_bytes(a, 0) > LAYER_TAR_MAX)
		return err_set(e, ERR_UPSTREAM, "a layer can't be read: it is larger than %lld bytes", (long long)LAYER_TAR_MAX);
	*files += size;
	return 0;
}

static int read_members(struct archive *a, int fd, layer_member_fn *member, void *arg, struct err *e)
{
	struct archive_entry *entry;
	int64_t files = 0;
	int rc;

	if (open_tar(a, fd) != ARCHIVE_OK)
		return no_tar(a, e);
	while ((rc = archive_read_next_header(a, &entry)) == ARCHIVE_OK || rc == ARCHIVE_WARN) {
		if (check_size(a, entry, &files, e) < 0)
			return -1;
		rc = member(arg, a, entry, e);
		if (rc != 0)
			return rc;
	}
	return rc == ARCHIVE_EOF ? 0 : no_tar(a, e);
}

/* Names in pax heads are UTF-8, which libarchive gives out in this locale only. */
static int read_all(int fd, layer_member_fn *member, void *arg, struct err *e)
{
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), before;
	struct archive *a = archive_read_new();
	int rc;

	if (!a || !utf8) {
		archive_read_free(a);
		return err_nomem(e);
	}
	before = uselocale(utf8);
	rc = read_members(a, fd, member, arg, e);
	archive_read_free(a);
	uselocale(before);
	freelocale(utf8);
	return rc < 0 ? -1 : 0;
}

static void *run(void *arg)
{
	struct layer_reader *r = arg;
	char rest[CHUNK];

	r->result = read_all(r->in, r->member, r->arg, &r->why);
	/* What follows the end mark, or what nobody wanted. */
	while (r->result == 0 && read(r->in, rest, sizeof rest) > 0)
		;
	shutdown(r->in, SHUT_RDWR);
	return NULL;
}

static void reader_free(struct layer_reader *r)
{
	if (r->in >= 0)
		close(r->in);
	if (r->out >= 0)
		close(r->out);
	free(r);
}

/* Signals are the other threads' business. */
static int start(struct layer_reader *r)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&r->thread, NULL, run, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

int layer_reader_begin(layer_member_fn *member, void *arg, struct layer_reader **ret, struct err *e)
{
	struct layer_reader *r = calloc(1, sizeof *r);
	int pair[2], rc;

	if (!r)
		return err_nomem(e);
	*r = (struct layer_reader){ .in = -1, .out = -1, .member = member, .arg = arg };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		rc = errno;
		reader_free(r);
		return err_errno(e, rc, "socketpair");
	}
	r->in = pair[0];
	r->out = pair[1];
	rc = start(r);
	if (rc) {
		reader_free(r);
		return err_errno(e, rc, "a thread");
	}
	*ret = r;
	return 0;
}

static void join(struct layer_reader *r)
{
	if (!r->joined)
		pthread_join(r->thread, NULL);
	r->joined = true;
}

static int failed(struct layer_reader *r, struct err *e)
{
	return err_set(e, r->why.kind ? r->why.kind : ERR_INTERNAL, "%s", r->why.kind ? r->why.text : "a layer's reader has ended");
}

int layer_reader_write(struct layer_reader *r, const void *data, size_t len, struct err *e)
{
	const char *at = data;

	while (len) {
		ssize_t n = send(r->out, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			join(r);
			return failed(r, e);
		}
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int layer_reader_end(struct layer_reader *r, struct err *e)
{
	int rc;

	shutdown(r->out, SHUT_WR);
	join(r);
	rc = r->result < 0 ? failed(r, e) : 0;
	reader_free(r);
	return rc;
}

void layer_reader_abort(struct layer_reader *r)
{
	if (!r)
		return;
	shutdown(r->out, SHUT_RDWR);
	join(r);
	reader_free(r);
}

int layer_read_file(const char *path, layer_member_fn *member, void *arg, struct err *e)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? err_errno(e, errno, "%s", path) : read_all(fd, member, arg, e);
}
