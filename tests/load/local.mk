# Benchmark programs; `make tests/load/NAME`, and tests/load/README.md says the rest.
check_PROGRAMS += tests/load/empty_worker tests/load/http_load
tests_load_empty_worker_SOURCES = tests/load/empty_worker.c
tests_load_empty_worker_LDADD = $(FCGI_LIBS)
tests_load_http_load_SOURCES = tests/load/http_load.c
tests_load_http_load_LDADD =
