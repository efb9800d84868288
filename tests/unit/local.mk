UNIT_TESTS += tests/unit/test_json
tests_unit_test_json_SOURCES = tests/unit/test_json.c
tests_unit_test_json_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_store
tests_unit_test_store_SOURCES = tests/unit/test_store.c
tests_unit_test_store_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_time
tests_unit_test_time_SOURCES = tests/unit/test_time.c
tests_unit_test_time_LDADD = $(UNIT_LDADD)
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

UNIT_TESTS += tests/unit/test_create
tests_unit_test_create_SOURCES = tests/unit/test_create.c fcgi/create_check.c fcgi/create_merge.c fcgi/create_network.c fcgi/create_parse.c \
  fcgi/create_plan.c fcgi/create_rules.c
tests_unit_test_create_LDADD = $(UNIT_LDADD)
UNIT_TESTS += tests/unit/test_image
tests_unit_test_image_SOURCES = tests/unit/test_image.c
tests_unit_test_image_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_change
tests_unit_test_change_SOURCES = tests/unit/test_change.c
tests_unit_test_change_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_route
tests_unit_test_route_SOURCES = tests/unit/test_route.c fcgi/route.c fcgi/route.h
tests_unit_test_route_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_docker_words
tests_unit_test_docker_words_SOURCES = tests/unit/test_docker_words.c
tests_unit_test_docker_words_LDADD = $(UNIT_LDADD)
