# The sandboxes of the local Lambda, apart from its HTTP API. Included by local-lambda/local.mk.
noinst_LIBRARIES += liblambdasandbox.a
liblambdasandbox_a_SOURCES = \
  local-lambda/cgroup.c local-lambda/cgroup.h local-lambda/fd_pass.c local-lambda/fd_pass.h \
  local-lambda/guard_init.c local-lambda/guard_mount.c local-lambda/image.c local-lambda/image.h \
  local-lambda/image_fetch.c local-lambda/image_fetch.h local-lambda/image_unpack.c local-lambda/image_unpack.h \
  local-lambda/relay.c local-lambda/relay.h local-lambda/relay_pair.c \
  local-lambda/relay_pair.h local-lambda/sandbox.c local-lambda/sandbox.h local-lambda/sandbox_guard.c \
  local-lambda/sandbox_guard.h local-lambda/sandbox_host.c local-lambda/sandbox_host.h local-lambda/seccomp.c \
  local-lambda/seccomp.h local-lambda/tmp_disk.c local-lambda/tmp_disk.h local-lambda/tree_remove.c local-lambda/tree_remove.h
# What a program that links liblambdasandbox.a needs beside it, in this order.
LAMBDASANDBOX_LIBS = libsockerless.a $(ARCHIVE_LIBS) $(SECCOMP_LIBS) $(CURL_LIBS) $(JSONC_LIBS) $(OPENSSL_LIBS) $(ZLIB_LIBS) -lpthread
