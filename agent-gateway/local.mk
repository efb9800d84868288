# Sources of agent-gateway/.
sbin_PROGRAMS += sockerless-gateway
sockerless_gateway_SOURCES = \
  agent-gateway/agent.c agent-gateway/agent.h agent-gateway/agent_message.c agent-gateway/attach.c agent-gateway/conn.c agent-gateway/conn.h \
  agent-gateway/cloud_log.c agent-gateway/cloud_log.h agent-gateway/cloud_output.c agent-gateway/cloud_output.h agent-gateway/container.c agent-gateway/container.h agent-gateway/detach_keys.c agent-gateway/detach_keys.h agent-gateway/end.c \
  agent-gateway/events.c agent-gateway/events.h agent-gateway/exec.c agent-gateway/exec.h agent-gateway/exec_handle.c \
  agent-gateway/exec_resize.c agent-gateway/gateway.c agent-gateway/gateway.h agent-gateway/input.c agent-gateway/input.h \
  agent-gateway/intent.c agent-gateway/intent.h agent-gateway/intent_kill.c agent-gateway/intent_past.c agent-gateway/intent_pause.c agent-gateway/intent_remove.c agent-gateway/intent_start.c \
  agent-gateway/intent_stop.c agent-gateway/intent_take.c agent-gateway/intent_wait.c agent-gateway/invoke.c agent-gateway/invoke.h \
  agent-gateway/invoke_outcome.c agent-gateway/invoke_outcome.h agent-gateway/job.c agent-gateway/job.h agent-gateway/layer.c agent-gateway/layer.h \
  agent-gateway/layer_file.c agent-gateway/layer_file.h agent-gateway/listener.c \
  agent-gateway/log_lines.c agent-gateway/log_lines.h agent-gateway/logs.c agent-gateway/main.c agent-gateway/recover.c \
  agent-gateway/read_more.c agent-gateway/read_more.h agent-gateway/reply.c agent-gateway/reply.h agent-gateway/request.c agent-gateway/request.h agent-gateway/resize.c \
  agent-gateway/route.c agent-gateway/route.h agent-gateway/run.c agent-gateway/run.h agent-gateway/signal.c agent-gateway/spool.c \
  agent-gateway/spool.h agent-gateway/spool_record.c agent-gateway/spool_record.h agent-gateway/spool_recover.c \
  agent-gateway/spool_recover.h agent-gateway/spool_tail.c agent-gateway/spool_tail.h agent-gateway/spool_thread.c agent-gateway/spool_thread.h agent-gateway/spooler.c \
  agent-gateway/spooler.h agent-gateway/start.c agent-gateway/store_event.c agent-gateway/store_event.h agent-gateway/store_exec.c \
  agent-gateway/store_exec.h agent-gateway/health.c agent-gateway/health.h agent-gateway/store_health.c agent-gateway/store_health.h \
  agent-gateway/store_resources.c agent-gateway/store_resources.h agent-gateway/store_restart.c agent-gateway/store_restart.h agent-gateway/restart.c agent-gateway/restart.h \
  agent-gateway/store_run.c agent-gateway/store_run.h agent-gateway/store_thread.c \
  agent-gateway/store_thread.h agent-gateway/sweep.c agent-gateway/sweep.h agent-gateway/table.c agent-gateway/table.h agent-gateway/task.c \
  agent-gateway/task.h agent-gateway/wait.c agent-gateway/ws_stream.c agent-gateway/ws_stream.h
sockerless_gateway_LDADD = libsockerless.a $(EVENT_LIBS) $(HTTP_PARSER_LIBS) $(CURL_LIBS) $(SQLITE_LIBS) $(JSONC_LIBS) $(OPENSSL_LIBS) \
  $(ZLIB_LIBS)
