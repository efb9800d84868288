sbin_PROGRAMS += sockerless-worker
sockerless_worker_SOURCES = $(WORKER_CORE)
sockerless_worker_LDADD = libsockerless.a $(FCGI_LIBS) $(JSONC_LIBS) $(SQLITE_LIBS) $(OPENSSL_LIBS) $(CURL_LIBS) $(ARCHIVE_LIBS) $(ZLIB_LIBS)
WORKER_CORE = fcgi/main.c fcgi/connection.h fcgi/reply.c fcgi/reply.h fcgi/request.c fcgi/request.h fcgi/route.c fcgi/route.h
