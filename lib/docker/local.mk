libsockerless_a_SOURCES += \
  lib/docker/names.c lib/docker/names.h lib/docker/reply.c lib/docker/reply.h lib/docker/time.c lib/docker/time.h
