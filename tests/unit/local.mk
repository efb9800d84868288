UNIT_TESTS += \
  tests/unit/test_address tests/unit/test_turn tests/unit/test_change tests/unit/test_create tests/unit/test_credentials tests/unit/test_docker_words tests/unit/test_dockerfile \
  tests/unit/test_image tests/unit/test_image_fetch tests/unit/test_json tests/unit/test_lambda_parse \
  tests/unit/test_networks tests/unit/test_reference tests/unit/test_relay_pair tests/unit/test_retain \
  tests/unit/test_rootfs tests/unit/test_route tests/unit/test_setting tests/unit/test_sigv4 tests/unit/test_sigv4_verify tests/unit/test_store tests/unit/test_time \
  tests/unit/test_exec_error tests/unit/test_health tests/unit/test_lifecycle tests/unit/test_restart_policy tests/unit/test_spool tests/unit/test_upgrade tests/unit/test_wire tests/unit/test_ws

tests_unit_test_address_SOURCES = tests/unit/test_address.c
tests_unit_test_address_LDADD = $(UNIT_LDADD)
tests_unit_test_turn_SOURCES = tests/unit/test_turn.c
tests_unit_test_turn_LDADD = $(UNIT_LDADD)

tests_unit_test_change_SOURCES = tests/unit/test_change.c
tests_unit_test_change_LDADD = $(UNIT_LDADD)

tests_unit_test_create_SOURCES = tests/unit/test_create.c fcgi/create_check.c fcgi/create_members.c fcgi/create_merge.c \
  fcgi/create_network.c fcgi/create_parse.c  fcgi/create_plan.c fcgi/create_resources.c fcgi/create_rules.c fcgi/create_volumes.c fcgi/create_writable.c fcgi/log_details.c fcgi/log_pattern.c fcgi/log_tag.c fcgi/volume.c
tests_unit_test_create_LDADD = $(UNIT_LDADD)

tests_unit_test_credentials_SOURCES = tests/unit/test_credentials.c
tests_unit_test_credentials_LDADD = $(UNIT_LDADD)

tests_unit_test_dockerfile_SOURCES = tests/unit/test_dockerfile.c
tests_unit_test_dockerfile_LDADD = $(UNIT_LDADD)

tests_unit_test_docker_words_SOURCES = tests/unit/test_docker_words.c
tests_unit_test_docker_words_LDADD = $(UNIT_LDADD)

tests_unit_test_image_SOURCES = tests/unit/test_image.c
tests_unit_test_image_LDADD = $(UNIT_LDADD)

tests_unit_test_image_fetch_SOURCES = tests/unit/test_image_fetch.c
tests_unit_test_image_fetch_LDADD = liblambdasandbox.a $(LAMBDASANDBOX_LIBS) $(CMOCKA_LIBS)

tests_unit_test_json_SOURCES = tests/unit/test_json.c
tests_unit_test_json_LDADD = $(UNIT_LDADD)

tests_unit_test_lambda_parse_SOURCES = tests/unit/test_lambda_parse.c
tests_unit_test_lambda_parse_LDADD = $(UNIT_LDADD)

tests_unit_test_networks_SOURCES = tests/unit/test_networks.c
tests_unit_test_networks_LDADD = $(UNIT_LDADD)

tests_unit_test_reference_SOURCES = tests/unit/test_reference.c
tests_unit_test_reference_LDADD = $(UNIT_LDADD)

tests_unit_test_relay_pair_SOURCES = tests/unit/test_relay_pair.c
tests_unit_test_relay_pair_LDADD = liblambdasandbox.a $(LAMBDASANDBOX_LIBS) $(CMOCKA_LIBS)

tests_unit_test_retain_SOURCES = tests/unit/test_retain.c agent-gateway/agent/retain.c agent-gateway/agent/retain.h
tests_unit_test_retain_LDADD = $(UNIT_LDADD)

tests_unit_test_rootfs_SOURCES = tests/unit/test_rootfs.c
tests_unit_test_rootfs_LDADD = $(UNIT_LDADD)

tests_unit_test_route_SOURCES = tests/unit/test_route.c fcgi/route.c fcgi/route.h
tests_unit_test_route_LDADD = $(UNIT_LDADD)

tests_unit_test_setting_SOURCES = tests/unit/test_setting.c
tests_unit_test_setting_LDADD = $(UNIT_LDADD)

tests_unit_test_sigv4_SOURCES = tests/unit/test_sigv4.c
tests_unit_test_sigv4_LDADD = $(UNIT_LDADD)

tests_unit_test_sigv4_verify_SOURCES = tests/unit/test_sigv4_verify.c local-lambda/sigv4_verify.c \
  local-lambda/message.c
tests_unit_test_sigv4_verify_LDADD = $(UNIT_LDADD)

tests_unit_test_store_SOURCES = tests/unit/test_store.c
tests_unit_test_store_LDADD = $(UNIT_LDADD)

tests_unit_test_time_SOURCES = tests/unit/test_time.c
tests_unit_test_time_LDADD = $(UNIT_LDADD)

tests_unit_test_upgrade_SOURCES = tests/unit/test_upgrade.c agent-gateway/agent/upgrade.c \
  agent-gateway/agent/upgrade.h
tests_unit_test_upgrade_LDADD = $(UNIT_LDADD)

tests_unit_test_wire_SOURCES = tests/unit/test_wire.c
tests_unit_test_wire_LDADD = $(UNIT_LDADD)

tests_unit_test_ws_SOURCES = tests/unit/test_ws.c
tests_unit_test_ws_LDADD = $(UNIT_LDADD)

tests_unit_test_exec_error_SOURCES = tests/unit/test_exec_error.c
tests_unit_test_exec_error_LDADD = $(UNIT_LDADD)

tests_unit_test_spool_SOURCES = tests/unit/test_spool.c agent-gateway/spool.c agent-gateway/spool_record.c \
  agent-gateway/spool_recover.c agent-gateway/spool_tail.c agent-gateway/log_lines.c
tests_unit_test_spool_LDADD = $(UNIT_LDADD)

tests_unit_test_health_SOURCES = tests/unit/test_health.c
tests_unit_test_health_LDADD = $(UNIT_LDADD)

tests_unit_test_lifecycle_SOURCES = tests/unit/test_lifecycle.c
tests_unit_test_lifecycle_LDADD = $(UNIT_LDADD)

tests_unit_test_restart_policy_SOURCES = tests/unit/test_restart_policy.c
tests_unit_test_restart_policy_LDADD = $(UNIT_LDADD)
