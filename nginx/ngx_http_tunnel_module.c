/*
 * tunnel_pass ADDRESS;   (location)
 *
 * Hands the client's connection on to ADDRESS (unix:/path or host:port) as
 * raw bytes in both directions. Used directly or, with `internal`, as the
 * target of X-Accel-Redirect.
 *
 * tunnel_lenient_host on;   (server): lenient_host.c
 */
#include "tunnel.h"

struct tunnel_conf {
	ngx_addr_t *addr;
};

static void *tunnel_conf_create(ngx_conf_t *cf)
{
	return ngx_pcalloc(cf->pool, sizeof(struct tunnel_conf));
}

static void *tunnel_server_conf_create(ngx_conf_t *cf)
{
	struct tunnel_server_conf *conf = ngx_pcalloc(cf->pool, sizeof(*conf));

	if (conf != NULL)
		conf->lenient_host = NGX_CONF_UNSET;
	return conf;
}

static void tunnel_body_read(ngx_http_request_t *r)
{
	struct tunnel_conf *conf = ngx_http_get_module_loc_conf(r, ngx_http_tunnel_module);

	if (r->reading_body) {
		ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
			      "tunnel_pass: the body isn't complete; don't combine it with unbuffered requests");
		ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
		return;
	}
	tunnel_start(r, conf->addr);
}

static ngx_int_t tunnel_handler(ngx_http_request_t *r)
{
	ngx_int_t rc;

	if (r->http_version >= NGX_HTTP_VERSION_20)
		return NGX_HTTP_VERSION_NOT_SUPPORTED;
	if (r != r->main)
		return NGX_HTTP_INTERNAL_SERVER_ERROR;
	rc = ngx_http_read_client_request_body(r, tunnel_body_read);
	if (rc >= NGX_HTTP_SPECIAL_RESPONSE)
		return rc;
	return NGX_DONE;
}

static char *tunnel_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
	struct tunnel_conf *tc = conf;
	ngx_http_core_loc_conf_t *clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
	ngx_str_t *value = cf->args->elts;
	ngx_url_t url;

	if (tc->addr != NULL)
		return "is duplicate";
	ngx_memzero(&url, sizeof(url));
	url.url = value[1];
	url.default_port = 80;
	if (ngx_parse_url(cf->pool, &url) != NGX_OK || url.naddrs == 0) {
		ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in tunnel_pass \"%V\"",
				   url.err != NULL ? url.err : "no address", &url.url);
		return NGX_CONF_ERROR;
	}
	tc->addr = &url.addrs[0];
	clcf->handler = tunnel_handler;
	return NGX_CONF_OK;
}

static ngx_command_t tunnel_commands[] = {
	{ ngx_string("tunnel_pass"), NGX_HTTP_LOC_CONF | NGX_HTTP_LIF_CONF | NGX_CONF_TAKE1,
	  tunnel_pass, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },
	{ ngx_string("tunnel_lenient_host"), NGX_HTTP_SRV_CONF | NGX_CONF_FLAG, ngx_conf_set_flag_slot, NGX_HTTP_SRV_CONF_OFFSET,
	  offsetof(struct tunnel_server_conf, lenient_host), NULL },
	ngx_null_command
};

static ngx_http_module_t tunnel_module_ctx = {
	.preconfiguration = tunnel_lenient_host_init,
	.create_srv_conf = tunnel_server_conf_create,
	.create_loc_conf = tunnel_conf_create,
};

ngx_module_t ngx_http_tunnel_module = {
	NGX_MODULE_V1,
	&tunnel_module_ctx,
	tunnel_commands,
	NGX_HTTP_MODULE,
	NULL, NULL, NULL, NULL, NULL, NULL, NULL,
	NGX_MODULE_V1_PADDING
};
