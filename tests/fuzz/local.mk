# Fuzz targets. In the test run each one gets its seeds and the same few thousand mutations of them;
# tests/fuzz/run fuzzes with libFuzzer.
FUZZ_MAIN = tests/fuzz/replay.c tests/fuzz/fuzz.h
FUZZ_LDADD = $(UNIT_LDADD)
FUZZ_TARGETS = \
  tests/fuzz/fuzz_agent_message tests/fuzz/fuzz_archive_plan tests/fuzz/fuzz_change tests/fuzz/fuzz_create tests/fuzz/fuzz_detach_keys tests/fuzz/fuzz_dockerfile tests/fuzz/fuzz_filters tests/fuzz/fuzz_http_head tests/fuzz/fuzz_import \
  tests/fuzz/fuzz_json tests/fuzz/fuzz_lambda_limits tests/fuzz/fuzz_lambda_reply tests/fuzz/fuzz_launch tests/fuzz/fuzz_log_lines \
  tests/fuzz/fuzz_logs_reply tests/fuzz/fuzz_manifest tests/fuzz/fuzz_profile \
  tests/fuzz/fuzz_reference tests/fuzz/fuzz_registry_reply tests/fuzz/fuzz_rootfs tests/fuzz/fuzz_route tests/fuzz/fuzz_settings tests/fuzz/fuzz_sigv4 tests/fuzz/fuzz_spool \
  tests/fuzz/fuzz_tar tests/fuzz/fuzz_unzstd tests/fuzz/fuzz_upgrade tests/fuzz/fuzz_wire tests/fuzz/fuzz_ws
check_PROGRAMS += $(FUZZ_TARGETS)
TESTS += $(FUZZ_TARGETS)
EXTRA_DIST += tests/fuzz/README.md tests/fuzz/run tests/fuzz/make-seeds tests/fuzz/seeds tests/fuzz/dict

tests_fuzz_fuzz_archive_plan_SOURCES = tests/fuzz/fuzz_archive_plan.c $(FUZZ_MAIN)
tests_fuzz_fuzz_archive_plan_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_change_SOURCES = tests/fuzz/fuzz_change.c $(FUZZ_MAIN)
tests_fuzz_fuzz_change_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_create_SOURCES = tests/fuzz/fuzz_create.c $(FUZZ_MAIN) \
  fcgi/create_check.c fcgi/create_members.c fcgi/create_merge.c fcgi/create_network.c fcgi/create_parse.c fcgi/create_plan.c fcgi/create_resources.c fcgi/create_rules.c \
  fcgi/create_volumes.c fcgi/create_writable.c fcgi/log_details.c fcgi/log_pattern.c fcgi/log_tag.c fcgi/volume.c
tests_fuzz_fuzz_create_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_dockerfile_SOURCES = tests/fuzz/fuzz_dockerfile.c $(FUZZ_MAIN)
tests_fuzz_fuzz_dockerfile_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_filters_SOURCES = tests/fuzz/fuzz_filters.c $(FUZZ_MAIN)
tests_fuzz_fuzz_filters_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_http_head_SOURCES = tests/fuzz/fuzz_http_head.c $(FUZZ_MAIN) agent-gateway/request.c
tests_fuzz_fuzz_http_head_LDADD = $(FUZZ_LDADD) $(HTTP_PARSER_LIBS) $(EVENT_LIBS)
tests_fuzz_fuzz_import_SOURCES = tests/fuzz/fuzz_import.c $(FUZZ_MAIN)
tests_fuzz_fuzz_import_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=registry_upload_begin,--wrap=registry_upload_write,--wrap=registry_upload_commit,--wrap=registry_upload_abort,--wrap=image_push
tests_fuzz_fuzz_import_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_json_SOURCES = tests/fuzz/fuzz_json.c $(FUZZ_MAIN)
tests_fuzz_fuzz_json_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_lambda_reply_SOURCES = tests/fuzz/fuzz_lambda_reply.c $(FUZZ_MAIN)
tests_fuzz_fuzz_lambda_reply_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_launch_SOURCES = tests/fuzz/fuzz_launch.c $(FUZZ_MAIN) agent-gateway/agent/launch.c agent-gateway/agent/passwd.c
tests_fuzz_fuzz_launch_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_logs_reply_SOURCES = tests/fuzz/fuzz_logs_reply.c $(FUZZ_MAIN)
tests_fuzz_fuzz_logs_reply_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=aws_json11_call
tests_fuzz_fuzz_logs_reply_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_manifest_SOURCES = tests/fuzz/fuzz_manifest.c $(FUZZ_MAIN)
tests_fuzz_fuzz_manifest_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_reference_SOURCES = tests/fuzz/fuzz_reference.c $(FUZZ_MAIN)
tests_fuzz_fuzz_reference_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_registry_reply_SOURCES = tests/fuzz/fuzz_registry_reply.c $(FUZZ_MAIN)
tests_fuzz_fuzz_registry_reply_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_rootfs_SOURCES = tests/fuzz/fuzz_rootfs.c $(FUZZ_MAIN)
tests_fuzz_fuzz_rootfs_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_route_SOURCES = tests/fuzz/fuzz_route.c $(FUZZ_MAIN) fcgi/route.c
tests_fuzz_fuzz_route_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_settings_SOURCES = tests/fuzz/fuzz_settings.c $(FUZZ_MAIN)
tests_fuzz_fuzz_settings_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_spool_SOURCES = tests/fuzz/fuzz_spool.c $(FUZZ_MAIN) \
  agent-gateway/spool.c agent-gateway/spool_record.c agent-gateway/spool_recover.c
tests_fuzz_fuzz_spool_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_tar_SOURCES = tests/fuzz/fuzz_tar.c $(FUZZ_MAIN)
tests_fuzz_fuzz_tar_LDADD = liblambdasandbox.a $(LAMBDASANDBOX_LIBS)
tests_fuzz_fuzz_unzstd_SOURCES = tests/fuzz/fuzz_unzstd.c $(FUZZ_MAIN)
tests_fuzz_fuzz_unzstd_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_upgrade_SOURCES = tests/fuzz/fuzz_upgrade.c $(FUZZ_MAIN) agent-gateway/agent/upgrade.c
tests_fuzz_fuzz_upgrade_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_wire_SOURCES = tests/fuzz/fuzz_wire.c $(FUZZ_MAIN)
tests_fuzz_fuzz_wire_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_ws_SOURCES = tests/fuzz/fuzz_ws.c $(FUZZ_MAIN)
tests_fuzz_fuzz_ws_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_detach_keys_SOURCES = tests/fuzz/fuzz_detach_keys.c $(FUZZ_MAIN) agent-gateway/detach_keys.c
tests_fuzz_fuzz_detach_keys_LDADD = $(FUZZ_LDADD) $(EVENT_LIBS)
tests_fuzz_fuzz_log_lines_SOURCES = tests/fuzz/fuzz_log_lines.c $(FUZZ_MAIN) agent-gateway/log_lines.c
tests_fuzz_fuzz_log_lines_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_sigv4_SOURCES = tests/fuzz/fuzz_sigv4.c $(FUZZ_MAIN) local-lambda/sigv4_verify.c local-lambda/message.c
tests_fuzz_fuzz_sigv4_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_lambda_limits_SOURCES = tests/fuzz/fuzz_lambda_limits.c $(FUZZ_MAIN) local-lambda/configuration.c local-lambda/limits.c
tests_fuzz_fuzz_lambda_limits_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_agent_message_SOURCES = tests/fuzz/fuzz_agent_message.c $(FUZZ_MAIN) agent-gateway/agent_message.c agent-gateway/health.c
tests_fuzz_fuzz_agent_message_LDADD = $(FUZZ_LDADD)
tests_fuzz_fuzz_profile_SOURCES = tests/fuzz/fuzz_profile.c $(FUZZ_MAIN)
tests_fuzz_fuzz_profile_LDADD = $(FUZZ_LDADD)
