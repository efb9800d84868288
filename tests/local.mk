# `make check` runs the unit tests: tests/unit/test_NAME.c tests the source of that name with cmocka.
# The suites in the other folders need nginx, a registry or root; tests/run runs them all.
UNIT_TESTS =
UNIT_LDADD = libsockerless.a $(CMOCKA_LIBS) $(JSONC_LIBS) $(SQLITE_LIBS) $(OPENSSL_LIBS) $(CURL_LIBS) $(ARCHIVE_LIBS) $(ISAL_LIBS) $(ZLIB_LIBS) $(ZSTD_LIBS) $(PCRE2_LIBS)

include tests/unit/local.mk
include tests/aws/local.mk
include tests/faults/local.mk
include tests/gateway/local.mk
include tests/load/local.mk
include tests/registry/local.mk
include tests/fuzz/local.mk
include tests/sandbox/local.mk

check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)

EXTRA_DIST += tests/run tests/skips tests/pytest.ini tests/support tests/agent tests/api tests/aws tests/clients tests/conform tests/create \
  tests/faults tests/gateway tests/hostile tests/lambda tests/load tests/nginx tests/quickstart tests/registry tests/sandbox

dist-hook:
	find $(distdir) -name __pycache__ -o -name node_modules | xargs rm -rf
