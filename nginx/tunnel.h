/*
 * A tunnel joins the connection of one HTTP/1 client to one connection of the
 * upstream. nginx has parsed the client's request head; the tunnel sends a
 * head of its own, the body that nginx has read, and from then on copies
 * bytes both ways. The upstream's reply, status line included, is just bytes.
 *
 * Half-close goes through in both directions: the end of input on one side
 * becomes shutdown(SHUT_WR), or TLS close_notify, on the other.
 */
#ifndef SOCKERLESS_TUNNEL_H
#define SOCKERLESS_TUNNEL_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

/* One direction. */
struct tunnel_flow {
	ngx_connection_t *from;
	ngx_connection_t *to;
	/* Comes before what `from` sends: memory or file buffers, read in order. */
	ngx_chain_t *preset;
	u_char *start;
	u_char *pos;
	u_char *last;
	/* Bytes that `to` has taken. */
	off_t sent;
	/* The first bytes read: the status line's begin. */
	u_char first[12];
	/* Nothing more comes from `from`. */
	unsigned eof:1;
	/* `from` isn't only at its end, it is gone: it takes nothing either. */
	unsigned gone:1;
	/* `to` takes nothing more; what still comes is thrown away. */
	unsigned drop:1;
	/* The end was handed on to `to`. */
	unsigned done:1;
	/* An end without a single byte is a failure, not an end. */
	unsigned must_speak:1;
};

struct tunnel {
	ngx_http_request_t *r;
	ngx_peer_connection_t peer;
	/* Always armed: a worker that was told to quit stays as long as a timer is set. */
	ngx_event_t hold;
	struct tunnel_flow up;
	struct tunnel_flow down;
	unsigned connected:1;
};

/*
 * Starts a tunnel for a request whose body has been read; connects to `addr`.
 * Takes the request over: it finalizes it, with 502 as long as the upstream
 * hasn't sent anything.
 */
void tunnel_start(ngx_http_request_t *r, ngx_addr_t *addr);

/*
 * Reads and writes until one side would block. NGX_AGAIN: wait for events;
 * NGX_OK: done; NGX_DECLINED: `from` ended without a byte although it must
 * speak. Never fails: an error of `from` is its end, one of `to` sets drop.
 */
ngx_int_t tunnel_flow_run(struct tunnel_flow *f);

/* Gives the flow its buffer. NGX_ERROR without memory. */
ngx_int_t tunnel_flow_init(struct tunnel_flow *f, ngx_pool_t *pool);

/*
 * What the upstream gets before the client's bytes: head, body, and what nginx
 * has already read behind the body. In r's pool; NULL without memory.
 */
ngx_chain_t *tunnel_preset(ngx_http_request_t *r);

struct tunnel_server_conf {
	ngx_flag_t lenient_host;
};

/* Before a configuration is read: makes tunnel_lenient_host work in it. */
ngx_int_t tunnel_lenient_host_init(ngx_conf_t *cf);

extern ngx_module_t ngx_http_tunnel_module;

#endif
