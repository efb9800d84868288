# Tests of the gateway: the real program, a Lambda endpoint and agents in Python. Run alone: tests/gateway/run
check_PROGRAMS += tests/gateway/migrate
tests_gateway_migrate_SOURCES = tests/gateway/migrate.c
tests_gateway_migrate_LDADD = libsockerless.a $(SQLITE_LIBS) $(JSONC_LIBS)
dist_check_SCRIPTS += tests/gateway/run
TESTS += tests/gateway/run
EXTRA_DIST += tests/gateway/conftest.py tests/gateway/fake_agent.py tests/gateway/fake_lambda.py tests/gateway/harness.py \
  tests/gateway/test_run.py
