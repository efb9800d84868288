libsockerless_a_SOURCES += \
  lib/registry/auth.c lib/registry/change.c lib/registry/client.c lib/registry/client.h lib/registry/config_check.c lib/registry/copy.c lib/registry/copy.h \
  lib/registry/derive.c lib/registry/derive.h lib/registry/digest.c lib/registry/digest.h lib/registry/reply_error.c \
  lib/registry/image.c lib/registry/image.h lib/registry/import.c lib/registry/import.h lib/registry/layer.c lib/registry/layer.h lib/registry/archive_plan.c lib/registry/archive_plan.h lib/registry/load.c lib/registry/load.h lib/registry/push.c lib/registry/push.h \
  lib/registry/seal.c lib/registry/transport.c lib/registry/transport.h lib/registry/upload.c
