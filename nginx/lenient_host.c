/*
 * tunnel_lenient_host on;   (server)
 *
 * Docker clients built with Go up to 1.20 send an empty Host to hijack over a
 * unix socket, those on Windows the pipe's name. nginx refuses both with 400
 * before any module sees the request; here they count as the host "docker".
 * Only servers that ask for it are touched.
 */
#include "tunnel.h"

/* nginx has one table of header handlers for all configurations that live at a time; the last one puts it back. */
static ngx_http_header_handler_pt process_host;
static ngx_uint_t users;

static ngx_http_header_t *host_header(void)
{
	ngx_http_header_t *h;

	for (h = ngx_http_headers_in; h->name.len; h++)
		if (h->offset == offsetof(ngx_http_headers_in_t, host))
			return h;
	return NULL;
}

static ngx_int_t process_lenient_host(ngx_http_request_t *r, ngx_table_elt_t *h, ngx_uint_t offset)
{
	struct tunnel_server_conf *conf = ngx_http_get_module_srv_conf(r, ngx_http_tunnel_module);

	if (conf->lenient_host == 1 && (h->value.len == 0 || ngx_strncmp(h->value.data, "npipe:", 6) == 0)) {
		ngx_str_set(&h->value, "docker");
	}
	return process_host(r, h, offset);
}

static void release(void *data)
{
	ngx_http_header_t *h = host_header();

	if (--users == 0)
		h->handler = process_host;
}

ngx_int_t tunnel_lenient_host_init(ngx_conf_t *cf)
{
	ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(cf->cycle->pool, 0);
	ngx_http_header_t *h = host_header();

	if (cleanup == NULL || h == NULL)
		return NGX_ERROR;
	cleanup->handler = release;
	if (users++ == 0) {
		process_host = h->handler;
		h->handler = process_lenient_host;
	}
	return NGX_OK;
}
