#include "agent-gateway/conn.h"

#include <event2/http.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent-gateway/container.h"
#include "agent-gateway/read_more.h"
#include "agent-gateway/reply.h"
#include "agent-gateway/request.h"
#include "agent-gateway/route.h"
#include "lib/log.h"

/* Below this the handler is asked for more output. */
#define OUTPUT_LOW (64 * 1024)
/* Most bytes read from the socket before the handler takes them. */
#define INPUT_HIGH (256 * 1024)
/* Most bytes read in one round: others wait meanwhile. */
#define INPUT_ROUND (128 * 1024)

struct evbuffer *conn_input(struct conn *c)
{
	return bufferevent_get_input(c->bev);
}

struct evbuffer *conn_output(struct conn *c)
{
	return bufferevent_get_output(c->bev);
}

size_t conn_backlog(struct conn *c)
{
	return evbuffer_get_length(conn_output(c));
}

void conn_read(struct conn *c, bool on)
{
	if (c->dead || c->half_closed || c->finishing)
		return;
	if (on)
		bufferevent_enable(c->bev, EV_READ);
	else
		bufferevent_disable(c->bev, EV_READ);
}

void conn_ref(struct conn *c)
{
	c->refs++;
}

void conn_unref(struct conn *c)
{
	if (--c->refs)
		return;
	evhttp_clear_headers(&c->args);
	bufferevent_free(c->bev);
	free(c->ws_key);
	request_free(c->upload);
	if (c->body)
		evbuffer_free(c->body);
	free(c);
}

static void unref_later(void *arg)
{
	conn_unref(arg);
}

void conn_close(struct conn *c)
{
	if (c->dead)
		return;
	c->dead = true;
	LIST_REMOVE(c, link);
	if (c->ops && c->ops->closed)
		c->ops->closed(c);
	if (c->container)
		container_unref(c->container);
	c->container = NULL;
	request_free(c->request);
	c->request = NULL;
	bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	/* Callers further up still use it. */
	gateway_later(c->gw, unref_later, c);
}

void conn_finish(struct conn *c)
{
	if (c->dead || c->finishing)
		return;
	c->finishing = true;
	bufferevent_disable(c->bev, EV_READ);
	/* on_write closes it, at once if nothing waits. */
	bufferevent_setwatermark(c->bev, EV_WRITE, 0, 0);
	bufferevent_trigger(c->bev, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
}

void conn_pause_after_head(struct conn *c)
{
	c->pausing = c->spacing > 0;
}

static void pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	if (!c->dead)
		bufferevent_enable(c->bev, EV_WRITE);
	conn_unref(c);
}

/* Bytes that came together with the head go with it: there is nothing to be held back for. */
static void pause_begin(struct conn *c)
{
	const struct timeval pause = { .tv_usec = c->spacing * 1000 };

	c->pausing = false;
	if (conn_backlog(c) || event_base_once(c->gw->base, -1, EV_TIMEOUT, pause_over, c, &pause) < 0)
		return;
	conn_ref(c);
	bufferevent_disable(c->bev, EV_WRITE);
}

static void on_write(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	if (c->pausing && !c->finishing)
		pause_begin(c);
	if (c->finishing) {
		if (!conn_backlog(c))
			conn_close(c);
		return;
	}
	if (c->ops && c->ops->drained)
		c->ops->drained(c);
}

/* What came before the end is the handler's first. */
static void tell_eof(struct conn *c)
{
	if (c->ops->readable && evbuffer_get_length(conn_input(c)))
		c->ops->readable(c);
	if (!c->dead && c->ops->eof)
		c->ops->eof(c);
	if (!c->dead)
		conn_check(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;

	if (!(what & BEV_EVENT_EOF) || c->request || c->finishing || c->body) {
		conn_close(c);
		return;
	}
	c->half_closed = true;
	/* A client may be through before there is a handler: conn_take tells it. */
	if (c->ops)
		tell_eof(c);
}

static void eof_later(void *arg)
{
	struct conn *c = arg;

	if (!c->dead && !c->finishing)
		tell_eof(c);
	conn_unref(c);
}

void conn_check(struct conn *c)
{
	struct pollfd p = { .fd = -1 };

	if (!c->half_closed)
		return;
	p.fd = bufferevent_getfd(c->bev);
	if (poll(&p, 1, 0) == 1 && p.revents & (POLLHUP | POLLERR))
		conn_close(c);
}

/* More of an upload's body; the handler takes it from c->body. */
static void feed_upload(struct conn *c)
{
	struct evbuffer *in = conn_input(c);
	size_t len = evbuffer_get_length(in);
	long used = len && !c->body_ended ? request_feed(c->upload, evbuffer_pullup(in, -1), len) : 0;

	if (used < 0) {
		conn_close(c);
		return;
	}
	evbuffer_drain(in, c->body_ended ? len : (size_t)used);
	if (c->ops && c->ops->readable && evbuffer_get_length(c->body))
		c->ops->readable(c);
	if (c->dead || c->body_ended || !request_done(c->upload))
		return;
	c->body_ended = true;
	if (c->ops && c->ops->eof)
		c->ops->eof(c);
}

static bool keep_upload(struct conn *c)
{
	c->upload = c->request;
	c->request = NULL;
	c->body = evbuffer_new();
	if (!c->body)
		return false;
	request_read_body(c->upload, c->body);
	return true;
}

/* By the client's User-Agent; NULL: it has none. */
static unsigned int spacing_for(const char *client)
{
	static const struct {
		const char *name;
		unsigned int ms;
	} known[] = { { "docker-sdk-python/", 50 }, { "docker-py/", 50 }, { "Docker-Client/", 0 } };

	for (size_t i = 0; client && i < sizeof known / sizeof *known; i++)
		if (!strncmp(client, known[i].name, strlen(known[i].name)))
			return known[i].ms;
	return 20;
}

static void request_complete(struct conn *c)
{
	const char *upgrade = request_header(c->request, "upgrade");
	const char *key = request_header(c->request, "sec-websocket-key");
	char *target = strdup(request_target(c->request));

	c->upgrade = upgrade && *upgrade;
	c->spacing = spacing_for(request_header(c->request, "user-agent"));
	if (key)
		c->ws_key = strdup(key);
	if (request_is_upload(c->request) && !keep_upload(c)) {
		conn_close(c);
		free(target);
		return;
	}
	request_free(c->request);
	c->request = NULL;
	if (target)
		route_conn(c, target);
	else
		conn_close(c);
	free(target);
}

static void feed_request(struct conn *c)
{
	struct evbuffer *in = conn_input(c);
	size_t len = evbuffer_get_length(in);
	long used = request_feed(c->request, evbuffer_pullup(in, -1), len);

	if (used < 0) {
		request_free(c->request);
		c->request = NULL;
		reply_error(c, 400, "the request can't be read");
		return;
	}
	evbuffer_drain(in, (size_t)used);
	if (request_done(c->request) || request_is_upload(c->request))
		request_complete(c);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	read_more(bev, INPUT_ROUND);
	if (c->request)
		feed_request(c);
	else if (!c->ops)
		return; /* kept until there is a handler */
	else if (c->body)
		feed_upload(c);
	else if (c->ops->readable)
		c->ops->readable(c);
	else
		evbuffer_drain(conn_input(c), evbuffer_get_length(conn_input(c)));
}

void conn_take(struct conn *c, const struct conn_ops *ops, void *state)
{
	c->ops = ops;
	c->state = state;
	if (c->half_closed && !c->dead) {
		conn_ref(c);
		gateway_later(c->gw, eof_later, c);
	} else if (!c->dead && (c->body || evbuffer_get_length(conn_input(c))))
		bufferevent_trigger(c->bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

void conn_accept(struct gateway *gw, int fd)
{
	struct conn *c = calloc(1, sizeof *c);

	if (c) {
		c->gw = gw;
		c->request = request_new();
		c->bev = bufferevent_socket_new(gw->base, fd, BEV_OPT_CLOSE_ON_FREE);
	}
	if (!c || !c->request || !c->bev) {
		log_error("no memory for a connection");
		if (c) {
			request_free(c->request);
			if (c->bev)
				bufferevent_free(c->bev);
			else
				close(fd);
			free(c);
		} else {
			close(fd);
		}
		return;
	}
	TAILQ_INIT(&c->args);
	c->refs = 1;
	LIST_INSERT_HEAD(&gw->conns, c, link);
	bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
	bufferevent_setwatermark(c->bev, EV_WRITE, OUTPUT_LOW, 0);
	bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_HIGH);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

const char *conn_arg(struct conn *c, const char *name, const char *def)
{
	const char *value = evhttp_find_header(&c->args, name);

	return value ? value : def;
}

int64_t conn_arg_int(struct conn *c, const char *name, int64_t def)
{
	const char *value = evhttp_find_header(&c->args, name);

	return value && *value ? strtoll(value, NULL, 10) : def;
}

bool conn_arg_flag(struct conn *c, const char *name)
{
	const char *value = conn_arg(c, name, "");

	return !strcmp(value, "1") || !strcmp(value, "true") || !strcmp(value, "True");
}

bool conn_api_least(struct conn *c, int minor)
{
	const char *dot = strchr(conn_arg(c, "api", "1.47"), '.');

	return dot && atoi(dot + 1) >= minor;
}
