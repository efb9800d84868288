/*
 * One direction of a tunnel. A flow reads only when its buffer is empty, so a
 * reader that stalls stops the sender and costs one buffer.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tunnel.h"

#define FLOW_BUFFER 65536
/* Buffers moved before the other connections of this nginx worker get their turn. */
#define FLOW_TURN 16

ngx_int_t tunnel_flow_init(struct tunnel_flow *f, ngx_pool_t *pool)
{
	f->start = ngx_palloc(pool, FLOW_BUFFER);
	if (f->start == NULL)
		return NGX_ERROR;
	f->pos = f->last = f->start;
	return NGX_OK;
}

static ssize_t preset_buf_read(ngx_buf_t *b, u_char *dst, size_t size)
{
	ssize_t n;

	if (ngx_buf_in_memory(b)) {
		n = ngx_min((ssize_t) size, b->last - b->pos);
		ngx_memcpy(dst, b->pos, n);
		b->pos += n;
		return n;
	}
	n = ngx_read_file(b->file, dst, (size_t) ngx_min((off_t) size, b->file_last - b->file_pos), b->file_pos);
	if (n <= 0)
		return NGX_ERROR;
	b->file_pos += n;
	return n;
}

static ssize_t preset_read(struct tunnel_flow *f, u_char *dst, size_t size)
{
	size_t got = 0;

	while (f->preset != NULL && got < size) {
		ssize_t n;

		if (ngx_buf_size(f->preset->buf) == 0) {
			f->preset = f->preset->next;
			continue;
		}
		n = preset_buf_read(f->preset->buf, dst + got, size - got);
		if (n < 0)
			return NGX_ERROR;
		got += (size_t) n;
	}
	return (ssize_t) got;
}

static ngx_int_t flow_read(struct tunnel_flow *f)
{
	ssize_t n = 0;

	if (f->preset != NULL)
		n = preset_read(f, f->start, FLOW_BUFFER);
	if (n == 0)
		n = f->from->recv(f->from, f->start, FLOW_BUFFER);
	if (n == NGX_AGAIN)
		return NGX_AGAIN;
	if (n <= 0) {
		f->eof = 1;
		if (n < 0)
			f->gone = 1;
		return NGX_OK;
	}
	f->last = f->start + n;
	if (f->sent == 0)
		ngx_memcpy(f->first, f->start, ngx_min((size_t) n, sizeof(f->first)));
	return NGX_OK;
}

static ngx_int_t flow_write(struct tunnel_flow *f)
{
	while (f->pos < f->last && !f->drop) {
		ssize_t n = f->to->send(f->to, f->pos, (size_t) (f->last - f->pos));

		if (n == NGX_AGAIN || n == 0)
			return NGX_AGAIN;
		if (n < 0) {
			f->drop = 1;
			break;
		}
		f->pos += n;
		f->sent += n;
	}
	f->pos = f->last = f->start;
	return NGX_OK;
}

/*
 * nginx's own ngx_ssl_shutdown() ends the connection for reading too and says
 * nothing once the client has sent its close_notify; only the alert is wanted.
 */
static ngx_int_t tls_end(ngx_connection_t *c)
{
	int n, why;

	ERR_clear_error();
	n = SSL_shutdown(c->ssl->connection);
	if (n >= 0)
		return NGX_OK;
	why = SSL_get_error(c->ssl->connection, n);
	ERR_clear_error();
	if (why == SSL_ERROR_WANT_WRITE) {
		c->write->ready = 0;
		return NGX_AGAIN;
	}
	return NGX_ERROR;
}

static ngx_int_t flow_end(struct tunnel_flow *f)
{
	ngx_int_t rc;

	if (!f->drop) {
		if (f->to->ssl != NULL)
			rc = tls_end(f->to);
		else
			rc = ngx_shutdown_socket(f->to->fd, NGX_WRITE_SHUTDOWN) == -1 ? NGX_ERROR : NGX_OK;
		if (rc == NGX_AGAIN)
			return NGX_AGAIN;
		if (rc == NGX_ERROR)
			f->drop = 1;
	}
	f->done = 1;
	return NGX_OK;
}

ngx_int_t tunnel_flow_run(struct tunnel_flow *f)
{
	int turn;

	for (turn = 0; turn < FLOW_TURN && !f->done; turn++) {
		if (flow_write(f) == NGX_AGAIN)
			return NGX_AGAIN;
		if (f->eof && f->must_speak && f->sent == 0 && !f->drop)
			return NGX_DECLINED;
		if (f->eof)
			return flow_end(f);
		if (flow_read(f) == NGX_AGAIN)
			return NGX_AGAIN;
	}
	if (f->done)
		return NGX_OK;
	ngx_post_event(f->from->read, &ngx_posted_next_events);
	return NGX_AGAIN;
}
