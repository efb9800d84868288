# Unit tests: tests/unit/test_NAME.c tests the source of that name with cmocka; add its name here.
UNIT_TESTS =
UNIT_LDADD = libsockerless.a $(CMOCKA_LIBS) $(JSONC_LIBS) $(SQLITE_LIBS) $(OPENSSL_LIBS) $(CURL_LIBS) $(ARCHIVE_LIBS) $(ZLIB_LIBS)

include tests/unit/local.mk
include tests/aws/local.mk
include tests/registry/local.mk

check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)

EXTRA_DIST += tests/run tests/skips tests/load/log_delay.py
include tests/sandbox/local.mk
include tests/fuzz/local.mk
