#include "agent-gateway/agent/link.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "agent-gateway/agent/tls.h"
#include "agent-gateway/agent/upgrade.h"
#include "agent-gateway/read_more.h"
#include "lib/cleanup.h"
#include "lib/log.h"
#include "lib/ws.h"

#define OPEN_SECONDS 15
#define QUEUE_MAX (4 * 1024 * 1024) /* a peer that asks without reading is dropped */

struct link {
	struct bufferevent *bev;
	SSL *ssl; /* the bufferevent's */
	struct ws_parser parser;
	struct link_events events;
	void *arg;
	struct buf request;
	char accept[29];
	bool upgraded, closed;
};

static void end(struct link *l, int status, const char *why)
{
	if (l->closed)
		return;
	l->closed = true;
	bufferevent_disable(l->bev, EV_READ | EV_WRITE);
	l->events.closed(l->arg, status, why);
}

static void send_frame(struct link *l, enum ws_opcode opcode, const void *const parts[], const size_t lens[], int n)
{
	struct evbuffer *out = bufferevent_get_output(l->bev);
	struct evbuffer_iovec room;
	uint8_t mask[4], head[WS_HEAD_MAX];
	size_t total = 0, at = 0;

	for (int i = 0; i < n; i++)
		total += lens[i];
	if (getrandom(mask, sizeof mask, 0) != (ssize_t)sizeof mask)
		abort();
	evbuffer_add(out, head, ws_put_head(head, opcode, total, mask));
	if (total && evbuffer_reserve_space(out, (ev_ssize_t)total, &room, 1) != 1)
		abort();
	for (int i = 0; i < n; i++) {
		if (lens[i])
			memcpy((uint8_t *)room.iov_base + at, parts[i], lens[i]);
		at += lens[i];
	}
	if (!total)
		return;
	ws_mask(room.iov_base, total, mask, 0);
	room.iov_len = total;
	if (evbuffer_commit_space(out, &room, 1) < 0)
		abort();
}

void link_send(struct link *l, enum wire_type type, uint8_t flags, uint32_t stream, const void *head, size_t head_len,
	       const void *data, size_t len)
{
	uint8_t wire[WIRE_HEAD];

	if (l->closed || !l->upgraded)
		return;
	wire_put_head(wire, type, flags, stream);
	send_frame(l, WS_BINARY, (const void *const[]){ wire, head, data }, (const size_t[]){ sizeof wire, head_len, len }, 3);
}

size_t link_queued(const struct link *l)
{
	return evbuffer_get_length(bufferevent_get_output(l->bev));
}

static bool frame_came(void *arg, enum ws_opcode opcode, const uint8_t *data, size_t len)
{
	struct link *l = arg;
	struct wire_message m;

	switch (opcode) {
	case WS_BINARY:
		if (wire_parse(data, len, &m))
			return l->events.message(l->arg, &m);
		log_warn("the gateway sent a message that is none");
		return false;
	case WS_PING:
		send_frame(l, WS_PONG, (const void *const[]){ data }, (const size_t[]){ len }, 1);
		return true;
	case WS_PONG:
		return true;
	default:
		return false;
	}
}

/* True once the reply's head is complete and good. */
static bool take_upgrade(struct link *l, struct evbuffer *in)
{
	struct evbuffer_ptr at = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	char head[UPGRADE_HEAD_MAX + 1];
	size_t len;
	int status;

	if (at.pos < 0) {
		if (evbuffer_get_length(in) > UPGRADE_HEAD_MAX)
			end(l, 0, "the reply's head is too long");
		return false;
	}
	len = (size_t)at.pos + 4;
	if (len > UPGRADE_HEAD_MAX) {
		end(l, 0, "the reply's head is too long");
		return false;
	}
	evbuffer_remove(in, head, len);
	head[len] = '\0';
	status = upgrade_status(head, l->accept);
	if (status != 101) {
		end(l, status, status ? "refused" : "no WebSocket reply");
		return false;
	}
	l->upgraded = true;
	bufferevent_set_timeouts(l->bev, NULL, NULL);
	l->events.opened(l->arg);
	return !l->closed;
}

static void readable(struct bufferevent *bev, void *arg)
{
	struct link *l = arg;
	struct evbuffer *in = bufferevent_get_input(bev);

	if (!l->upgraded && !take_upgrade(l, in))
		return;
	if (!l->ssl)
		read_more(bev, WIRE_CREDIT);
	for (size_t len; !l->closed && (len = evbuffer_get_contiguous_space(in)) > 0; evbuffer_drain(in, len)) {
		if (!ws_parse(&l->parser, evbuffer_pullup(in, (ev_ssize_t)len), len, frame_came, l)) {
			end(l, 0, "the protocol was broken");
			return;
		}
	}
	if (!l->closed && link_queued(l) > QUEUE_MAX)
		end(l, 0, "it doesn't read");
}

static void writable(struct bufferevent *bev, void *arg)
{
	struct link *l = arg;

	if (!l->closed && l->upgraded)
		l->events.drained(l->arg);
}

static void connected(struct link *l)
{
	evutil_socket_t fd = bufferevent_getfd(l->bev);
	int one = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0)
		log_debug("TCP_NODELAY: %s", strerror(errno));
	bufferevent_write(l->bev, l->request.data, l->request.len);
	/* It names the session's secret. */
	explicit_bzero(l->request.data, l->request.len);
	buf_free(&l->request);
}

static void event_came(struct bufferevent *bev, short what, void *arg)
{
	struct link *l = arg;
	int dns = bufferevent_socket_get_dns_error(bev), error = EVUTIL_SOCKET_ERROR();

	if (l->closed)
		return;
	if (what & BEV_EVENT_CONNECTED) {
		connected(l);
		return;
	}
	if (dns)
		end(l, 0, evutil_gai_strerror(dns));
	else if (what & BEV_EVENT_TIMEOUT)
		end(l, 0, "timed out");
	else if (what & BEV_EVENT_EOF)
		end(l, 0, "closed by the peer");
	else
		end(l, 0, l->ssl && !l->upgraded ? tls_error_text(l->ssl) : error ? strerror(error) : "connection error");
}

/* The URL's host without the brackets of an IPv6 address. */
static bool read_host(const struct evhttp_uri *uri, char *host, size_t size)
{
	const char *given = uri ? evhttp_uri_get_host(uri) : NULL;
	size_t len = given ? strlen(given) : 0;

	if (len > 2 && given[0] == '[' && given[len - 1] == ']') {
		given++;
		len -= 2;
	}
	return len && snprintf(host, size, "%.*s", (int)len, given) < (int)size;
}

static int make_request(struct link *l, const struct evhttp_uri *uri, const char *host, const char *path,
			const char *authorization, struct err *e)
{
	const char *prefix = evhttp_uri_get_path(uri);
	int len = prefix ? (int)strlen(prefix) : 0;
	bool v6 = strchr(host, ':');
	char key[UPGRADE_KEY_LEN + 1];

	while (len && prefix[len - 1] == '/')
		len--;
	upgrade_make_key(key);
	ws_accept_key(l->accept, key);
	buf_printf(&l->request, "GET %.*s%s HTTP/1.1\r\nHost: %s%s%s", len, prefix ? prefix : "", path, v6 ? "[" : "",
		   host, v6 ? "]" : "");
	if (evhttp_uri_get_port(uri) > 0)
		buf_printf(&l->request, ":%d", evhttp_uri_get_port(uri));
	buf_printf(&l->request,
		   "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		   "Sec-WebSocket-Key: %s\r\nAuthorization: %s\r\nUser-Agent: sockerless-agent\r\n\r\n", key, authorization);
	return l->request.failed || !l->accept[0] ? err_nomem(e) : 0;
}

static int open_socket(struct link *l, struct agent *a, const struct evhttp_uri *uri, const char *host, bool tls, struct err *e)
{
	struct timeval limit = { .tv_sec = OPEN_SECONDS };
	int port = evhttp_uri_get_port(uri);

	if (tls) {
		l->ssl = tls_client_new(host, a->ca_file, e);
		if (!l->ssl)
			return -1;
		l->bev = bufferevent_openssl_socket_new(a->base, -1, l->ssl, BUFFEREVENT_SSL_CONNECTING,
							BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	} else {
		l->bev = bufferevent_socket_new(a->base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	}
	if (!l->bev)
		return err_nomem(e);
	bufferevent_setcb(l->bev, readable, writable, event_came, l);
	bufferevent_set_timeouts(l->bev, &limit, &limit);
	/* A bounded read keeps the loop fair to the container's pipes. */
	bufferevent_setwatermark(l->bev, EV_READ, 0, 2 * WIRE_CREDIT);
	bufferevent_enable(l->bev, EV_READ | EV_WRITE);
	if (bufferevent_socket_connect_hostname(l->bev, a->dns, AF_UNSPEC, host, port > 0 ? port : tls ? 443 : 80) < 0)
		return err_set(e, ERR_UNAVAILABLE, "%s can't be dialled", host);
	return 0;
}

static void uri_free(struct evhttp_uri **uri)
{
	if (*uri)
		evhttp_uri_free(*uri);
}

struct link *link_dial(struct agent *a, const char *url, const char *path, const char *authorization,
		       const struct link_events *events, void *arg, struct err *e)
{
	__attribute__((cleanup(uri_free))) struct evhttp_uri *uri = evhttp_uri_parse(url);
	const char *scheme = uri ? evhttp_uri_get_scheme(uri) : NULL;
	bool tls = scheme && (!strcmp(scheme, "https") || !strcmp(scheme, "wss"));
	char host[256];
	struct link *l;

	if (!scheme || !read_host(uri, host, sizeof host) || !(tls || !strcmp(scheme, "http") || !strcmp(scheme, "ws"))) {
		err_set(e, ERR_INVALID, "the callback \"%s\" is no http or https URL", url);
		return NULL;
	}
	l = calloc(1, sizeof *l);
	if (!l) {
		err_nomem(e);
		return NULL;
	}
	l->events = *events;
	l->arg = arg;
	ws_parser_init(&l->parser, false, WIRE_MESSAGE_MAX);
	if (make_request(l, uri, host, path, authorization, e) < 0 || open_socket(l, a, uri, host, tls, e) < 0) {
		link_free(l);
		return NULL;
	}
	return l;
}

void link_free(struct link *l)
{
	if (!l)
		return;
	if (l->bev)
		bufferevent_free(l->bev);
	ws_parser_free(&l->parser);
	buf_free(&l->request);
	free(l);
}
