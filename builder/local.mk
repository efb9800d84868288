# sockerless-builder: the sandbox that the steps of a docker build run in.
pkglibexec_PROGRAMS += sockerless-builder
sockerless_builder_SOURCES = \
  builder/builder.h builder/init.c builder/main.c builder/namespaces.c builder/root.c builder/watch.c
sockerless_builder_LDADD = libsockerless.a
