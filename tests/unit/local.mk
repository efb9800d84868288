UNIT_TESTS += tests/unit/test_json
tests_unit_test_json_SOURCES = tests/unit/test_json.c
tests_unit_test_json_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_store
tests_unit_test_store_SOURCES = tests/unit/test_store.c
tests_unit_test_store_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_time
tests_unit_test_time_SOURCES = tests/unit/test_time.c
tests_unit_test_time_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_route
tests_unit_test_route_SOURCES = tests/unit/test_route.c fcgi/route.c fcgi/route.h
tests_unit_test_route_LDADD = $(UNIT_LDADD)

UNIT_TESTS += tests/unit/test_docker_words
tests_unit_test_docker_words_SOURCES = tests/unit/test_docker_words.c
tests_unit_test_docker_words_LDADD = $(UNIT_LDADD)
