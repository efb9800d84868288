libsockerless_a_SOURCES += \
  lib/rootfs/find.c lib/rootfs/index_cache.c lib/rootfs/index_cache.h lib/rootfs/index_file.c lib/rootfs/layer_index.c lib/rootfs/layer_index.h \
  lib/rootfs/layer_reader.c lib/rootfs/layer_reader.h lib/rootfs/make_dir.c lib/rootfs/merge.c lib/rootfs/read.c lib/rootfs/rootfs.c lib/rootfs/rootfs.h lib/rootfs/tar.c lib/rootfs/tree.c lib/rootfs/tree.h
