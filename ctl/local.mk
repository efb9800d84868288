sbin_PROGRAMS += sockerlessctl
sockerlessctl_SOURCES = ctl/ctl.h ctl/main.c ctl/migrate.c ctl/reconcile.c ctl/settings_show.c \
  ctl/sweep.h ctl/sweep_functions.c ctl/sweep_index.c ctl/sweep_registry.c ctl/sweep_rows.c ctl/sweep_spool.c
sockerlessctl_LDADD = libsockerless.a $(JSONC_LIBS) $(SQLITE_LIBS) $(OPENSSL_LIBS) $(CURL_LIBS) $(ARCHIVE_LIBS) $(ISAL_LIBS) $(ZLIB_LIBS) $(ZSTD_LIBS)
