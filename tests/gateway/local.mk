# Tests of the gateway: the real program, a Lambda endpoint and agents in Python. Run alone: tests/gateway/run
check_PROGRAMS += tests/gateway/migrate
tests_gateway_migrate_SOURCES = tests/gateway/migrate.c
tests_gateway_migrate_LDADD = libsockerless.a $(SQLITE_LIBS) $(JSONC_LIBS)
