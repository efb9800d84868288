# Benchmark programs; `make tests/load/NAME`, and tests/load/README.md says the rest.
check_PROGRAMS += tests/load/empty_worker tests/load/http_load
tests_load_empty_worker_SOURCES = tests/load/empty_worker.c
tests_load_empty_worker_LDADD = $(FCGI_LIBS)
tests_load_http_load_SOURCES = tests/load/http_load.c
tests_load_http_load_LDADD =
check_PROGRAMS += tests/load/agents
tests_load_agents_SOURCES = tests/load/agents.c
tests_load_agents_LDADD = libsockerless.a $(OPENSSL_LIBS)

check_DATA += tests/load/loop_lag.so
CLEANFILES += tests/load/loop_lag.so
tests/load/loop_lag.so: $(top_srcdir)/tests/load/loop_lag.c
	$(AM_V_CC)$(MKDIR_P) tests/load && $(CC) -D_GNU_SOURCE $(WARN_CFLAGS) -O2 -shared -fPIC -o $@ $(top_srcdir)/tests/load/loop_lag.c
