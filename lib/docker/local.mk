libsockerless_a_SOURCES += \
  lib/docker/detach_keys.c lib/docker/detach_keys.h lib/docker/dockerfile.c lib/docker/dockerfile.h lib/docker/duration.c lib/docker/duration.h lib/docker/events.c lib/docker/events.h lib/docker/exec_error.c lib/docker/exec_error.h \
  lib/docker/filters.c lib/docker/filters.h lib/docker/health.c lib/docker/health.h lib/docker/log_options.c lib/docker/log_options.h lib/docker/names.c lib/docker/names.h lib/docker/networks.c lib/docker/networks.h lib/docker/path_stat.c lib/docker/path_stat.h \
  lib/docker/reference.c lib/docker/reference.h lib/docker/reply.c lib/docker/reply.h lib/docker/restart_policy.c lib/docker/restart_policy.h lib/docker/signals.c lib/docker/signals.h lib/docker/size.c lib/docker/size.h \
  lib/docker/stream.c lib/docker/stream.h lib/docker/time.c lib/docker/time.h lib/docker/versions.c lib/docker/versions.def lib/docker/versions.h
