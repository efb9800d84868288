# Unit tests: tests/unit/test_NAME.c tests the source of that name with cmocka; add its name here.
UNIT_TESTS =
UNIT_LDADD = libsockerless.a $(CMOCKA_LIBS) $(JSONC_LIBS) $(SQLITE_LIBS) $(OPENSSL_LIBS) $(CURL_LIBS) $(ARCHIVE_LIBS) $(ZLIB_LIBS)

include tests/unit/local.mk
include tests/aws/local.mk
include tests/registry/local.mk
include tests/create/local.mk
include tests/gateway/local.mk

check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)

EXTRA_DIST += tests/run tests/skips tests/load/log_delay.py
include tests/sandbox/local.mk
include tests/fuzz/local.mk
EXTRA_DIST += tests/api/conftest.py tests/api/fastcgi.py tests/api/test_agent.py tests/api/test_containers.py \
  tests/api/test_exec.py tests/api/test_list.py tests/api/test_queries.py tests/api/test_system.py tests/api/test_worker.py
