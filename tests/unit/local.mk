UNIT_TESTS += tests/unit/test_json
tests_unit_test_json_SOURCES = tests/unit/test_json.c
tests_unit_test_json_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_store
tests_unit_test_store_SOURCES = tests/unit/test_store.c
tests_unit_test_store_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_time
tests_unit_test_time_SOURCES = tests/unit/test_time.c
tests_unit_test_time_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_wire
tests_unit_test_wire_SOURCES = tests/unit/test_wire.c
tests_unit_test_wire_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_ws
tests_unit_test_ws_SOURCES = tests/unit/test_ws.c
tests_unit_test_ws_LDADD = $(UNIT_LDADD)
UNIT_TESTS += tests/unit/test_sigv4
tests_unit_test_sigv4_SOURCES = tests/unit/test_sigv4.c
tests_unit_test_sigv4_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_lambda_parse
tests_unit_test_lambda_parse_SOURCES = tests/unit/test_lambda_parse.c
tests_unit_test_lambda_parse_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_credentials
tests_unit_test_credentials_SOURCES = tests/unit/test_credentials.c
tests_unit_test_credentials_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_reference
tests_unit_test_reference_SOURCES = tests/unit/test_reference.c
tests_unit_test_reference_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_image
tests_unit_test_image_SOURCES = tests/unit/test_image.c
tests_unit_test_image_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_change
tests_unit_test_change_SOURCES = tests/unit/test_change.c
tests_unit_test_change_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_retain
tests_unit_test_retain_SOURCES = tests/unit/test_retain.c agent-gateway/agent/retain.c agent-gateway/agent/retain.h
tests_unit_test_retain_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_upgrade
tests_unit_test_upgrade_SOURCES = tests/unit/test_upgrade.c agent-gateway/agent/upgrade.c agent-gateway/agent/upgrade.h
tests_unit_test_upgrade_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_spool
tests_unit_test_spool_SOURCES = tests/unit/test_spool.c agent-gateway/spool.c agent-gateway/spool_record.c agent-gateway/spool_recover.c
tests_unit_test_spool_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_exec_error
tests_unit_test_exec_error_SOURCES = tests/unit/test_exec_error.c
tests_unit_test_exec_error_LDADD = $(UNIT_LDADD)
