# Makes the store that the tests of the gateway begin with.
check_PROGRAMS += tests/gateway/migrate
tests_gateway_migrate_SOURCES = tests/gateway/migrate.c
tests_gateway_migrate_LDADD = libsockerless.a $(SQLITE_LIBS) $(JSONC_LIBS)
