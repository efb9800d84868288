libsockerless_a_SOURCES += \
  lib/registry/put.c \
  lib/registry/address.c lib/registry/address.h lib/registry/auth.c lib/registry/blob.c lib/registry/change.c lib/registry/client.c lib/registry/client.h lib/registry/config_check.c lib/registry/copy.c lib/registry/copy.h \
  lib/registry/derive.c lib/registry/derive.h lib/registry/derive_agent.c lib/registry/derive_config.c lib/registry/derive_fake_root.c lib/registry/derive_home.c lib/registry/derive_layer.c lib/registry/derive_layer.h \
  lib/registry/derive_plan.c lib/registry/derive_plan.h lib/registry/derive_targets.c lib/registry/layer_tar.c lib/registry/layer_tar.h \
  lib/registry/digest.c lib/registry/digest.h lib/registry/fetch_url.c lib/registry/fetch_url.h lib/registry/remove.c lib/registry/search.c lib/registry/reply_error.c \
  lib/registry/image.c lib/registry/image.h lib/registry/import.c lib/registry/import.h lib/registry/layer.c lib/registry/layer.h lib/registry/archive_plan.c lib/registry/archive_plan.h lib/registry/layer_copy.c lib/registry/layer_copy.h lib/registry/load.c lib/registry/load.h lib/registry/push.c lib/registry/push.h \
  lib/registry/gunzip.c lib/registry/gunzip.h lib/registry/partial.c lib/registry/partial.h lib/registry/save.c lib/registry/save.h lib/registry/save_documents.c lib/registry/save_documents.h lib/registry/seal.c lib/registry/transport.c lib/registry/transport.h lib/registry/turn.c lib/registry/turn.h lib/registry/unzstd.c lib/registry/unzstd.h lib/registry/upload.c
