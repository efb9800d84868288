libsockerless_a_SOURCES += \
  lib/docker/reference.c lib/docker/reference.h \
  lib/registry/digest.c lib/registry/digest.h
