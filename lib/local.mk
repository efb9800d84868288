noinst_LIBRARIES += libsockerless.a
libsockerless_a_SOURCES = \
  lib/buf.c lib/buf.h lib/cleanup.h lib/err.c lib/err.h lib/hint.c lib/hint.h lib/ids.c lib/ids.h \
  lib/json.c lib/json.h lib/json_member.c lib/json_member.h lib/lifecycle.c lib/lifecycle.def lib/lifecycle.h lib/log.c lib/log.h lib/secret.h lib/setting.c lib/setting.h lib/settings.c lib/settings.def lib/settings.h \
  lib/store/container.c lib/store/container.h lib/store/schema.c lib/store/schema.h lib/store/store.c lib/store/store.h \
  lib/utf8.c lib/utf8.h lib/wire.c lib/wire.h lib/ws.c lib/ws.h lib/routes.def

include lib/docker/local.mk
include lib/aws/local.mk
include lib/netns/local.mk
include lib/registry/local.mk
include lib/rootfs/local.mk
