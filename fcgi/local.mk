# sockerless-worker: main, request, reply and route; then a file per Docker verb.
sbin_PROGRAMS += sockerless-worker
sockerless_worker_LDADD = libsockerless.a $(FCGI_LIBS) $(JSONC_LIBS) $(SQLITE_LIBS) $(OPENSSL_LIBS) $(CURL_LIBS) $(ARCHIVE_LIBS) $(ISAL_LIBS) $(ZLIB_LIBS) $(ZSTD_LIBS) $(PCRE2_LIBS)
sockerless_worker_SOURCES = \
  fcgi/main.c fcgi/connection.h fcgi/reply.c fcgi/reply.h fcgi/request.c fcgi/request.h fcgi/route.c fcgi/route.h \
  fcgi/agent_connect.c fcgi/container.c fcgi/container_archive.c fcgi/container.h fcgi/container_attach.c fcgi/container_create.c \
  fcgi/container_changes.c fcgi/container_code.c fcgi/container_code.h fcgi/container_commit.c fcgi/container_export.c fcgi/container_files.c fcgi/container_files.h fcgi/container_stage.c fcgi/container_stage.h fcgi/stage_output.c fcgi/stage_output.h fcgi/function_ready.c fcgi/function_ready.h fcgi/log_details.c fcgi/log_details.h \
  fcgi/log_pattern.c fcgi/log_pattern.h fcgi/log_tag.c fcgi/log_tag.h \
  fcgi/container_inspect.c fcgi/container_kill.c fcgi/container_list.c fcgi/container_logs.c fcgi/container_pause.c fcgi/container_remove.c \
  fcgi/container_rename.c fcgi/container_resize.c fcgi/container_restart.c fcgi/container_start.c fcgi/container_stats.c fcgi/container_stop.c \
  fcgi/container_top.c fcgi/container_update.c fcgi/container_wait.c fcgi/create.h fcgi/create_check.c fcgi/create_fields.def fcgi/create_image.c fcgi/create_image.h \
  fcgi/create_members.c fcgi/create_merge.c fcgi/create_network.c fcgi/create_parse.c fcgi/create_parse.h fcgi/create_plan.c fcgi/create_resources.c fcgi/create_rules.c \
  fcgi/events.c fcgi/exec.c fcgi/exec.h fcgi/exec_create.c fcgi/exec_inspect.c fcgi/exec_resize.c fcgi/exec_start.c \
  fcgi/image_create.c fcgi/image_create.h fcgi/image_import.c fcgi/image_inspect.c fcgi/image_layers.c fcgi/image_layers.h \
  fcgi/image_list.c fcgi/image_platform.c fcgi/image_platform.h fcgi/image_pull.c fcgi/image_registry.c fcgi/image_registry.h fcgi/image_remove.c fcgi/image_store.c \
  fcgi/image_store.h fcgi/info.c fcgi/json_text.c fcgi/json_text.h fcgi/list_filters.c fcgi/list_filters.h fcgi/ping.c \
  fcgi/plugin_list.c fcgi/stop_args.c fcgi/stop_args.h fcgi/version.c \
  fcgi/build.h fcgi/build_base.c fcgi/build_config.c fcgi/build_context.c fcgi/build_options.c fcgi/build_output.c fcgi/build_place.c fcgi/build_result.c \
  fcgi/build_run.c fcgi/image_build.c \
  fcgi/auth.c fcgi/build_prune.c fcgi/container_prune.c fcgi/create_keep.c fcgi/create_keep.h fcgi/create_volumes.c \
  fcgi/create_writable.c fcgi/create_writable.h \
  fcgi/distribution_inspect.c fcgi/image_history.c fcgi/image_prune.c fcgi/image_load.c fcgi/image_manifests.c fcgi/image_manifests.h fcgi/image_push.c fcgi/image_save.c fcgi/image_search.c fcgi/image_sizes.c fcgi/image_sizes.h fcgi/progress.c fcgi/progress.h fcgi/image_source.c fcgi/image_source.h fcgi/image_tag.c fcgi/image_transfer.c fcgi/image_transfer.h \
  fcgi/network.c fcgi/network.h fcgi/network_connect.c fcgi/network_create.c fcgi/network_inspect.c fcgi/network_list.c \
  fcgi/network_member.c fcgi/network_prune.c fcgi/network_remove.c fcgi/prune.c fcgi/prune.h fcgi/system_df.c \
  fcgi/volume.c fcgi/volume.h fcgi/volume_create.c fcgi/volume_inspect.c fcgi/volume_list.c fcgi/volume_prune.c fcgi/volume_remove.c
