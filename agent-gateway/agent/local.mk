# The agent is one static file that starts in any image, an empty one too. It is built from these alone.
AGENT_SOURCES = \
  agent-gateway/agent/agent.h agent-gateway/agent/archive.c agent-gateway/agent/archive.h agent-gateway/agent/child.c agent-gateway/agent/child.h \
  agent-gateway/agent/children.c agent-gateway/agent/children.h agent-gateway/agent/deadline.c agent-gateway/agent/deadline.h \
  agent-gateway/agent/dispatch.c agent-gateway/agent/fake_root.c agent-gateway/agent/fake_root.h agent-gateway/agent/hello.c agent-gateway/agent/health.c agent-gateway/agent/health.h agent-gateway/agent/hello.h agent-gateway/agent/init.c \
  agent-gateway/agent/inlet.c agent-gateway/agent/inlet.h agent-gateway/agent/launch.c agent-gateway/agent/launch.h agent-gateway/agent/layer.c agent-gateway/agent/layer.h \
  agent-gateway/agent/link.c agent-gateway/agent/link.h agent-gateway/agent/main.c agent-gateway/agent/mirror.c agent-gateway/agent/mirror.h \
  agent-gateway/agent/outlet.c agent-gateway/agent/outlet.h agent-gateway/agent/pack.c agent-gateway/agent/pack.h agent-gateway/agent/passwd.c agent-gateway/agent/passwd.h \
  agent-gateway/agent/proc.c agent-gateway/agent/proc.h agent-gateway/agent/process.c agent-gateway/agent/process.h agent-gateway/agent/retain.c agent-gateway/agent/retain.h \
  agent-gateway/agent/run.c agent-gateway/agent/run.h agent-gateway/agent/runtime.c agent-gateway/agent/runtime.h \
  agent-gateway/agent/seed.c agent-gateway/agent/seed.h agent-gateway/agent/session.c agent-gateway/agent/session.h agent-gateway/agent/snapshot.c agent-gateway/agent/snapshot.h agent-gateway/agent/stream.c agent-gateway/agent/stream.h \
  agent-gateway/agent/task.c agent-gateway/agent/task.h agent-gateway/agent/task_get.c agent-gateway/agent/task_layer.c agent-gateway/agent/task_put.c agent-gateway/agent/task_stats.c \
  agent-gateway/agent/task_top.c \
  agent-gateway/agent/tls.c agent-gateway/agent/tls.h agent-gateway/agent/tmpdir.c agent-gateway/agent/tmpdir.h \
  agent-gateway/agent/unpack.c agent-gateway/agent/unpack.h agent-gateway/agent/upgrade.c agent-gateway/agent/upgrade.h \
  agent-gateway/read_more.c agent-gateway/read_more.h \
  lib/buf.c lib/docker/health.c lib/docker/path_stat.c lib/docker/time.c lib/err.c lib/ids.c lib/json.c lib/log.c lib/utf8.c lib/wire.c lib/ws.c
AGENT_LIBS = -levent_openssl -levent_extra -levent_core -lssl -lcrypto -ljson-c -larchive -lz

# proot, for images that ask for a fake root.
EXTRA_DIST += build-aux/fake-root
if HAVE_PROOT
fakerootdir = $(pkglibexecdir)/fake-root
fakeroot_SCRIPTS = fake-root/proot fake-root/ld.so fake-root/libc.so.6 fake-root/libtalloc.so.2
CLEANFILES += $(fakeroot_SCRIPTS)
fake-root/proot: $(top_srcdir)/build-aux/fake-root
	$(AM_V_GEN)$(top_srcdir)/build-aux/fake-root $(PROOT) fake-root
fake-root/ld.so fake-root/libc.so.6 fake-root/libtalloc.so.2: fake-root/proot
	@:
endif

# AddressSanitizer can't be linked statically: the file that is installed has no sanitizer, a second one for the tests has.
pkglibexec_PROGRAMS += sockerless-agent
sockerless_agent_SOURCES = $(AGENT_SOURCES)
sockerless_agent_CFLAGS = $(WARN_CFLAGS) $(HARDEN_CFLAGS) -ffunction-sections -fdata-sections
sockerless_agent_LDFLAGS = -static -Wl,--gc-sections
sockerless_agent_LDADD = $(AGENT_LIBS)

# In one go: automake knows one compiler.
if OTHER_AGENT
otheragentdir = $(pkglibexecdir)
otheragent_SCRIPTS = sockerless-agent-other
CLEANFILES += sockerless-agent-other
sockerless-agent-other: $(AGENT_SOURCES) config.h
	$(AM_V_GEN)$(OTHER_AGENT_CC) -DHAVE_CONFIG_H -I. $(AM_CPPFLAGS) $(WARN_CFLAGS) $(HARDEN_CFLAGS) -O2 -ffunction-sections -fdata-sections \
	  -static -Wl,--gc-sections -o $@ $(filter %.c,$^) $(OTHER_AGENT_FLAGS) $(AGENT_LIBS)
endif

if SANITIZE
check_PROGRAMS += sockerless-agent-sanitized
sockerless_agent_sanitized_SOURCES = $(AGENT_SOURCES)
sockerless_agent_sanitized_LDADD = $(AGENT_LIBS)
endif
