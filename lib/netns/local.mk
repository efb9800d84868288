libsockerless_a_SOURCES += lib/netns/egress.c lib/netns/netns.c lib/netns/netns.h
