# nginx: the tunnel module, built against the headers of the nginx that loads
# it, and the configuration that `render` makes files of.
nginxdir = $(pkgdatadir)/nginx
nginxmoddir = $(pkglibexecdir)

dist_nginx_SCRIPTS = nginx/render
dist_nginx_DATA = \
  nginx/nginx.conf.in nginx/docker-api.conf.in nginx/agent-callback.conf.in \
  nginx/http.conf nginx/common.conf nginx/fastcgi-params.conf nginx/errors.conf
nodist_nginx_DATA = nginx/routes.conf
nginxmod_DATA = nginx/ngx_http_tunnel_module.so
NGINX_MODULE_FILES = \
  nginx/ngx_http_tunnel_module.c nginx/tunnel.c nginx/tunnel_flow.c nginx/tunnel_head.c nginx/lenient_host.c nginx/tunnel.h
EXTRA_DIST += lib/routes.def nginx/config nginx/build-module nginx/routes-conf $(NGINX_MODULE_FILES)
CLEANFILES += nginx/routes.conf nginx/ngx_http_tunnel_module.so

nginx/routes.conf: lib/routes.def nginx/routes-conf
	$(AM_V_GEN)mkdir -p nginx && $(AWK) -f $(srcdir)/nginx/routes-conf $(srcdir)/lib/routes.def >$@.tmp && mv -f $@.tmp $@

nginx/work/configured: nginx/config nginx/build-module
	$(AM_V_GEN)CC='$(CC)' $(SHELL) $(srcdir)/nginx/build-module '$(NGINX_SOURCE)' "`cd $(srcdir)/nginx && pwd`" "`pwd`/nginx/work" && touch $@

# Sanitizers stay away: the nginx that loads the module isn't built with them.
nginx/ngx_http_tunnel_module.so: nginx/work/configured $(NGINX_MODULE_FILES)
	$(AM_V_GEN)work="`pwd`/nginx/work" && $(MAKE) -s --no-print-directory -C "$$work/src" -f "$$work/objs/Makefile" \
	  CFLAGS='-fPIC $(WARN_CFLAGS) -Wno-write-strings $(HARDEN_CFLAGS) $(CFLAGS)' modules >/dev/null && cp -f "$$work/objs/ngx_http_tunnel_module.so" $@

mostlyclean-local:
	rm -rf nginx/work
.PHONY: mostlyclean-local

check_PROGRAMS += tests/nginx/echo_worker
tests_nginx_echo_worker_SOURCES = tests/nginx/echo_worker.c
tests_nginx_echo_worker_LDADD = $(FCGI_LIBS)
