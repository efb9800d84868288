libsockerless_a_SOURCES += \
  lib/docker/reply.c lib/docker/reply.h lib/docker/time.c lib/docker/time.h
libsockerless_a_SOURCES += \
  lib/docker/events.c lib/docker/events.h lib/docker/exec_error.c lib/docker/exec_error.h lib/docker/stream.c lib/docker/stream.h
