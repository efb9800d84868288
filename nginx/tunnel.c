/* Life of a tunnel: connect, run both flows on every event, end. */
#include <poll.h>

#include "tunnel.h"

#define CONNECT_TIMEOUT_MS 60000
#define HOLD_MS 60000

static void tunnel_disconnect(void *data)
{
	struct tunnel *t = data;

	if (t->hold.timer_set)
		ngx_del_timer(&t->hold);
	if (t->peer.connection != NULL) {
		ngx_close_connection(t->peer.connection);
		t->peer.connection = NULL;
	}
}

static void tunnel_hold(ngx_event_t *ev)
{
	ev->timedout = 0;
	ngx_add_timer(ev, HOLD_MS);
}

/* The upstream said nothing, so that nginx can still answer by itself. */
static void tunnel_fail(struct tunnel *t)
{
	ngx_http_request_t *r = t->r;

	tunnel_disconnect(t);
	r->read_event_handler = ngx_http_block_reading;
	r->write_event_handler = ngx_http_request_empty_handler;
	r->lingering_close = 1;
	ngx_http_finalize_request(r, NGX_HTTP_BAD_GATEWAY);
}

static void tunnel_close(struct tunnel *t)
{
	ngx_http_request_t *r = t->r;
	ngx_uint_t client_gone = t->down.drop;
	ngx_uint_t upstream_gone = !t->up.done || t->up.drop;

	tunnel_disconnect(t);
	if (client_gone) {
		r->connection->error = 1;
		ngx_http_finalize_request(r, NGX_ERROR);
		return;
	}
	/* Closing on bytes that the client still sends would reset the connection and lose our last ones. */
	r->lingering_close = upstream_gone;
	ngx_http_finalize_request(r, NGX_DONE);
}

/*
 * On a unix socket a full close is told apart from a half-close by POLLHUP;
 * on TCP it shows only once both directions are shut, when it changes nothing.
 */
static void flow_look_for_close(struct tunnel_flow *f)
{
	struct pollfd p = { .fd = f->from->fd };

	if (f->eof && !f->gone && poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)))
		f->gone = 1;
}

/* A side that is gone takes nothing either. Whether that is news. */
static int flow_spread_close(struct tunnel_flow *f, struct tunnel_flow *back)
{
	flow_look_for_close(f);
	if (!f->gone || back->drop)
		return 0;
	back->drop = 1;
	return 1;
}

static ngx_int_t tunnel_wait(struct tunnel *t)
{
	ngx_connection_t *client = t->r->connection, *upstream = t->peer.connection;

	if (ngx_handle_read_event(client->read, t->up.eof ? NGX_CLOSE_EVENT : 0) != NGX_OK ||
	    ngx_handle_write_event(client->write, 0) != NGX_OK ||
	    ngx_handle_read_event(upstream->read, t->down.eof ? NGX_CLOSE_EVENT : 0) != NGX_OK ||
	    ngx_handle_write_event(upstream->write, 0) != NGX_OK)
		return NGX_ERROR;
	return NGX_OK;
}

/* For nginx's access log. */
static void tunnel_note_status(struct tunnel *t)
{
	ngx_int_t status = 0;

	if (t->r->header_sent || t->down.sent == 0)
		return;
	if (ngx_strncmp(t->down.first, "HTTP/1.1 ", 9) == 0)
		status = ngx_atoi(t->down.first + 9, 3);
	t->r->headers_out.status = status >= 100 ? (ngx_uint_t) status : NGX_HTTP_SWITCHING_PROTOCOLS;
	t->r->header_sent = 1;
}

static void tunnel_run(struct tunnel *t)
{
	ngx_int_t rc;
	int news;

	do {
		tunnel_flow_run(&t->up);
		rc = tunnel_flow_run(&t->down);
		tunnel_note_status(t);
		news = flow_spread_close(&t->up, &t->down);
		news |= flow_spread_close(&t->down, &t->up);
	} while (news);
	if (rc == NGX_DECLINED && !t->down.drop) {
		ngx_log_error(NGX_LOG_ERR, t->r->connection->log, 0, "tunnel: %V closed without an answer", t->peer.name);
		tunnel_fail(t);
		return;
	}
	if ((t->up.done && (t->down.done || t->down.drop)) || (t->up.drop && t->down.done)) {
		tunnel_close(t);
		return;
	}
	if (tunnel_wait(t) != NGX_OK) {
		t->r->connection->error = 1;
		ngx_http_finalize_request(t->r, NGX_ERROR);
	}
}

static void tunnel_client_event(ngx_http_request_t *r)
{
	struct tunnel *t = ngx_http_get_module_ctx(r, ngx_http_tunnel_module);

	if (t->connected)
		tunnel_run(t);
}

static ngx_int_t tunnel_connected(ngx_connection_t *c)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) == -1)
		err = ngx_socket_errno;
	if (err == 0)
		return NGX_OK;
	ngx_log_error(NGX_LOG_ERR, c->log, err, "tunnel: connect failed");
	return NGX_ERROR;
}

static void tunnel_upstream_turn(struct tunnel *t, ngx_event_t *ev)
{
	ngx_connection_t *c = t->peer.connection;

	if (c->close) {
		t->r->connection->error = 1;
		ngx_http_finalize_request(t->r, NGX_ERROR);
		return;
	}
	if (!t->connected) {
		if (ev->timedout || tunnel_connected(c) != NGX_OK) {
			tunnel_fail(t);
			return;
		}
		if (!ev->write)
			return;
		if (c->write->timer_set)
			ngx_del_timer(c->write);
		t->connected = 1;
	}
	tunnel_run(t);
}

static void tunnel_upstream_event(ngx_event_t *ev)
{
	ngx_connection_t *upstream = ev->data;
	struct tunnel *t = upstream->data;
	ngx_connection_t *client = t->r->connection;

	ngx_http_set_log_request(client->log, t->r);
	tunnel_upstream_turn(t, ev);
	ngx_http_run_posted_requests(client);
}

static struct tunnel *tunnel_make(ngx_http_request_t *r, ngx_addr_t *addr)
{
	struct tunnel *t = ngx_pcalloc(r->pool, sizeof(*t));
	ngx_http_cleanup_t *cln = ngx_http_cleanup_add(r, 0);

	if (t == NULL || cln == NULL)
		return NULL;
	t->r = r;
	if (tunnel_flow_init(&t->up, r->pool) != NGX_OK || tunnel_flow_init(&t->down, r->pool) != NGX_OK)
		return NULL;
	t->up.preset = tunnel_preset(r);
	if (t->up.preset == NULL)
		return NULL;
	t->down.must_speak = 1;
	t->peer.sockaddr = addr->sockaddr;
	t->peer.socklen = addr->socklen;
	t->peer.name = &addr->name;
	t->peer.get = ngx_event_get_peer;
	t->peer.log = r->connection->log;
	t->peer.log_error = NGX_ERROR_ERR;
	t->hold.handler = tunnel_hold;
	t->hold.log = r->connection->log;
	t->hold.data = r->connection;
	cln->handler = tunnel_disconnect;
	cln->data = t;
	return t;
}

static void tunnel_take_client(struct tunnel *t)
{
	ngx_http_request_t *r = t->r;
	ngx_connection_t *c = r->connection;
	ngx_http_core_loc_conf_t *clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

	ngx_http_set_ctx(r, t, ngx_http_tunnel_module);
	r->keepalive = 0;
	r->read_event_handler = tunnel_client_event;
	r->write_event_handler = tunnel_client_event;
	if (c->read->timer_set)
		ngx_del_timer(c->read);
	if (c->write->timer_set)
		ngx_del_timer(c->write);
	if (clcf->tcp_nodelay && ngx_tcp_nodelay(c) != NGX_OK)
		ngx_log_error(NGX_LOG_INFO, c->log, 0, "tunnel: no TCP_NODELAY");
	c->log->action = "tunneling";
	ngx_add_timer(&t->hold, HOLD_MS);
}

void tunnel_start(ngx_http_request_t *r, ngx_addr_t *addr)
{
	struct tunnel *t = tunnel_make(r, addr);
	ngx_connection_t *c;
	ngx_int_t rc;

	if (t == NULL) {
		ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
		return;
	}
	tunnel_take_client(t);
	rc = ngx_event_connect_peer(&t->peer);
	c = t->peer.connection;
	if (c == NULL || (rc != NGX_OK && rc != NGX_AGAIN)) {
		tunnel_fail(t);
		return;
	}
	c->data = t;
	c->log = c->read->log = c->write->log = r->connection->log;
	c->read->handler = tunnel_upstream_event;
	c->write->handler = tunnel_upstream_event;
	t->up.from = t->down.to = r->connection;
	t->up.to = t->down.from = c;
	if (rc == NGX_AGAIN) {
		ngx_add_timer(c->write, CONNECT_TIMEOUT_MS);
		return;
	}
	t->connected = 1;
	tunnel_run(t);
}
