#include "fcgi/request.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "fcgi/connection.h"
#include "fcgi/route.h"
#include "lib/json.h"

#define BACKLOG 4096
#define HEADER_NAME_MAX 128

struct connection {
	FCGX_Request fcgi;
	struct buf headers; /* of the reply, beside Docker's */
	bool write_failed;
};

struct listener {
	int fd;
	int epoll;
	int signals; /* readable once the process is to end */
	struct connection connection;
};

/*
 * SIGTERM and SIGINT stay blocked and are seen only as a readable descriptor,
 * so that a request is always finished first and no signal is lost between a
 * check and the wait.
 */
static int open_signals(int *ret_fd, struct err *e)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	if (sigprocmask(SIG_BLOCK, &ends, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return err_errno(e, errno, "blocking signals");
	*ret_fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	return *ret_fd < 0 ? err_errno(e, errno, "signalfd") : 0;
}

/*
 * Several processes share the socket: each waits with EPOLLEXCLUSIVE, so that
 * one connection wakes few of them, and accepts without blocking, so that the
 * one that comes too late waits again where SIGTERM reaches it.
 */
static int watch(struct listener *l, struct err *e)
{
	struct epoll_event request = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = l->fd };
	struct epoll_event end = { .events = EPOLLIN, .data.fd = l->signals };
	int flags = fcntl(l->fd, F_GETFL);

	if (flags < 0 || fcntl(l->fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(l->fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_errno(e, errno, "descriptor %d", l->fd);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->fd, &request) < 0 ||
	    epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->signals, &end) < 0)
		return err_errno(e, errno, "waiting on descriptor %d", l->fd);
	return 0;
}

int listener_open(const char *socket_path, struct listener **ret, struct err *e)
{
	struct listener *l = calloc(1, sizeof *l);

	if (!l)
		return err_nomem(e);
	l->epoll = l->signals = -1;
	if (FCGX_Init() != 0) {
		err_set(e, ERR_INTERNAL, "libfcgi can't start");
	} else if (socket_path && (l->fd = FCGX_OpenSocket(socket_path, BACKLOG)) < 0) {
		err_errno(e, errno, "%s", socket_path);
	} else if (open_signals(&l->signals, e) == 0 && watch(l, e) == 0) {
		if (FCGX_InitRequest(&l->connection.fcgi, l->fd, FCGI_FAIL_ACCEPT_ON_INTR) == 0) {
			*ret = l;
			return 0;
		}
		err_set(e, ERR_INTERNAL, "libfcgi can't use descriptor %d", l->fd);
	}
	listener_close(l);
	return -1;
}

void listener_close(struct listener *l)
{
	if (!l)
		return;
	FCGX_Free(&l->connection.fcgi, 1);
	buf_free(&l->connection.headers);
	if (l->epoll >= 0)
		close(l->epoll);
	if (l->signals >= 0)
		close(l->signals);
	free(l);
}

static const char *param(const struct connection *c, const char *name)
{
	return FCGX_GetParam(name, c->fcgi.envp);
}

static void fill(struct request *req, struct worker *worker, struct connection *c)
{
	const char *tenant = param(c, "SOCKERLESS_TENANT");
	const char *method = param(c, "REQUEST_METHOD");
	const char *uri = param(c, "REQUEST_URI");

	*req = (struct request){
		.worker = worker,
		.settings = worker->settings,
		.store = worker->store,
		.tenant = tenant ? tenant : "",
		.method = method ? method : "",
		.uri = uri ? uri : "",
		.body = BUF_LIMITED(REQUEST_BODY_MAX),
		.connection = c,
	};
}

int listener_accept(struct listener *l, struct worker *worker, struct request *ret, struct err *e)
{
	struct epoll_event events[2];

	for (;;) {
		int n = epoll_wait(l->epoll, events, 2, -1);

		if (n < 0 && errno != EINTR)
			return err_errno(e, errno, "waiting for a request");
		for (int i = 0; i < n; i++)
			if (events[i].data.fd == l->signals)
				return 0;
		if (n <= 0)
			continue;
		errno = 0;
		if (FCGX_Accept_r(&l->connection.fcgi) == 0) {
			fill(ret, worker, &l->connection);
			return 1;
		}
		if (errno == EBADF || errno == ENOTSOCK || errno == EINVAL)
			return err_errno(e, errno, "descriptor %d is no listening socket", l->fd);
	}
}

/*
 * libfcgi lingers on each connection until nginx has closed its side, so that
 * input nobody read can't cost nginx the reply. Where all input was read there
 * is nothing to wait for, and the wait is a quarter of a small request's time.
 */
static bool input_is_over(const struct request *req)
{
	const char *length = request_header(req, "Content-Length");
	int waiting;

	if (!req->body_read && ((length && *length) || request_header(req, "Transfer-Encoding")))
		return false;
	return ioctl(req->connection->fcgi.ipcFd, FIONREAD, &waiting) == 0 && waiting == 0;
}

void request_finish(struct request *req)
{
	struct connection *c = req->connection;

	if (input_is_over(req))
		FCGX_Detach(&c->fcgi);
	FCGX_Finish_r(&c->fcgi);
	FCGX_Attach(&c->fcgi);
	buf_reset(&c->headers);
	c->headers.failed = false;
	c->write_failed = false;
	for (size_t i = 0; i < req->query_count; i++) {
		free((char *)req->query[i].key);
		free((char *)req->query[i].value);
	}
	free(req->query);
	buf_free(&req->body);
}

static int query_add(struct request *req, const char *text, size_t len, struct err *e)
{
	const char *equals = memchr(text, '=', len);
	size_t key_len = equals ? (size_t)(equals - text) : len;
	char *key = NULL, *value = NULL;

	if (req->query_count == REQUEST_QUERY_MAX)
		return err_set(e, ERR_INVALID, "more than %d query parameters", REQUEST_QUERY_MAX);
	if (!route_decode(text, key_len, true, &key) ||
	    !route_decode(equals ? equals + 1 : "", equals ? len - key_len - 1 : 0, true, &value)) {
		free(key);
		return err_set(e, ERR_INVALID, "invalid URL escape in \"%.*s\"", (int)(len < 64 ? len : 64), text);
	}
	req->query[req->query_count++] = (struct request_query){ .key = key, .value = value };
	return 0;
}

int request_parse_query(struct request *req, struct err *e)
{
	const char *at = strchr(req->uri, '?');

	if (!at)
		return 0;
	req->query = calloc(REQUEST_QUERY_MAX, sizeof *req->query);
	if (!req->query)
		return err_nomem(e);
	for (at++; *at;) {
		size_t len = strcspn(at, "&");

		if (len > 0 && query_add(req, at, len, e) < 0)
			return -1;
		at += len + (at[len] == '&');
	}
	return 0;
}

const char *request_query(const struct request *req, const char *key, const char *def)
{
	size_t position = 0;
	const char *value = request_query_next(req, key, &position);

	return value ? value : def;
}

const char *request_query_next(const struct request *req, const char *key, size_t *position)
{
	for (size_t i = *position; i < req->query_count; i++) {
		if (strcmp(req->query[i].key, key) == 0) {
			*position = i + 1;
			return req->query[i].value;
		}
	}
	return NULL;
}

bool request_flag(const struct request *req, const char *key, bool def)
{
	static const char *const falses[] = { "0", "no", "false", "none" };
	const char *value = request_query(req, key, "");

	if (!*value)
		return def;
	for (size_t i = 0; i < sizeof falses / sizeof *falses; i++)
		if (strcasecmp(value, falses[i]) == 0)
			return false;
	return true;
}

const char *request_header(const struct request *req, const char *name)
{
	char variable[HEADER_NAME_MAX] = "HTTP_";
	size_t at = 5;

	if (strcasecmp(name, "Content-Type") == 0)
		return param(req->connection, "CONTENT_TYPE");
	if (strcasecmp(name, "Content-Length") == 0)
		return param(req->connection, "CONTENT_LENGTH");
	for (; *name && at + 1 < sizeof variable; name++)
		variable[at++] = *name == '-' ? '_' : *name >= 'a' && *name <= 'z' ? (char)(*name - 'a' + 'A') : *name;
	variable[at] = '\0';
	return param(req->connection, variable);
}

const char *request_param(const struct request *req, const char *name)
{
	return param(req->connection, name);
}

ssize_t request_read_some(struct request *req, void *data, size_t n, struct err *e)
{
	FCGX_Stream *in = req->connection->fcgi.in;
	char *out = data;
	size_t ready;
	int first;

	if (n == 0)
		return 0;
	/* FCGX_GetStr blocks until all of its buffer is full: take one byte, then what stands in the stream's own buffer. */
	first = FCGX_GetChar(in);
	if (first == EOF) {
		if (FCGX_GetError(in) != 0)
			return err_set(e, ERR_INVALID, "unexpected EOF");
		return 0;
	}
	out[0] = (char)first;
	ready = (size_t)(in->stop - in->rdNext);
	if (ready > n - 1)
		ready = n - 1;
	if (ready > 0 && FCGX_GetStr(out + 1, (int)ready, in) != (int)ready)
		return err_set(e, ERR_INVALID, "unexpected EOF");
	return (ssize_t)(1 + ready);
}

int request_body(struct request *req, struct err *e)
{
	const char *announced = request_header(req, "Content-Length");
	char chunk[16 * 1024];
	size_t expected = announced ? strtoul(announced, NULL, 10) : 0;

	if (req->body_read)
		return 0;
	if (expected > REQUEST_BODY_MAX)
		return err_set(e, ERR_TOO_LARGE, "request body is larger than %d bytes", REQUEST_BODY_MAX);
	for (;;) {
		ssize_t n = request_read_some(req, chunk, sizeof chunk, e);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		buf_append(&req->body, chunk, (size_t)n);
		if (req->body.failed)
			return err_set(e, ERR_TOO_LARGE, "request body is larger than %d bytes", REQUEST_BODY_MAX);
	}
	if (req->body.len < expected)
		return err_set(e, ERR_INVALID, "unexpected EOF");
	req->body_read = true;
	return 0;
}

static int check_json_type(struct request *req, struct err *e)
{
	const char *type = request_header(req, "Content-Type");
	size_t len;

	if (!type || !*type)
		return req->body.len == 0 ? 0 : err_set(e, ERR_INVALID, "malformed Content-Type header (): mime: no media type");
	len = strcspn(type, "; \t");
	if (len == strlen("application/json") && strncasecmp(type, "application/json", len) == 0)
		return 0;
	return err_set(e, ERR_INVALID, "unsupported Content-Type header (%.200s): must be 'application/json'", type);
}

/* The escape of NUL, outside of "\\\\u0000": texts with one would be cut where it stands. */
static bool has_nul(const char *text, size_t len)
{
	const char *end = text + len;

	while ((text = memchr(text, '\\', (size_t)(end - text))) && end - text >= 6) {
		if (memcmp(text, "\\u0000", 6) == 0)
			return true;
		text += 2;
	}
	return false;
}

int request_json(struct request *req, bool optional, struct json_object **ret, struct err *e)
{
	static const char cut_off[] = "unexpected end of input";
	struct json_object *body;

	if (request_body(req, e) < 0 || check_json_type(req, e) < 0)
		return -1;
	if (req->body.len == 0) {
		if (!optional)
			return err_set(e, ERR_INVALID, "invalid JSON: got EOF while reading request body");
		*ret = NULL;
		return 0;
	}
	if (has_nul(req->body.data, req->body.len))
		return err_set(e, ERR_INVALID, "invalid JSON: a text holds the character NUL, which is not supported");
	if (json_parse(req->body.data, req->body.len, &body, e) < 0) {
		if (strstr(e->text, cut_off))
			err_set(e, ERR_INVALID, "invalid JSON: unexpected EOF");
		return -1;
	}
	if (!json_object_is_type(body, json_type_object)) {
		/* dockerd decodes null into nothing at all. */
		if (!body && optional) {
			*ret = NULL;
			return 0;
		}
		err_set(e, ERR_INVALID, "invalid JSON: json: cannot unmarshal %s into an object",
			json_type_to_name(json_object_get_type(body)));
		json_object_put(body);
		return -1;
	}
	*ret = body;
	return 0;
}

void request_drain(struct request *req)
{
	char data[65536];

	while (request_read_some(req, data, sizeof data, NULL) > 0)
		;
}

bool request_client_left(const struct request *req)
{
	struct pollfd p = { .fd = req->connection->fcgi.ipcFd, .events = POLLRDHUP };

	if (req->connection->write_failed)
		return true;
	return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

bool connection_write(struct request *req, const void *data, size_t len)
{
	struct connection *c = req->connection;

	while (len > 0 && !c->write_failed) {
		int n = len > 1 << 20 ? 1 << 20 : (int)len;

		if (FCGX_PutStr(data, n, c->fcgi.out) != n)
			c->write_failed = true;
		data = (const char *)data + n;
		len -= (size_t)n;
	}
	return !c->write_failed;
}

bool connection_flush(struct request *req)
{
	struct connection *c = req->connection;

	if (!c->write_failed && FCGX_FFlush(c->fcgi.out) != 0)
		c->write_failed = true;
	return !c->write_failed;
}

struct buf *connection_headers(struct request *req)
{
	return &req->connection->headers;
}
