# What tests/faults and tests/gateway preload.
check_DATA += tests/faults/clock_shift.so
CLEANFILES += tests/faults/clock_shift.so
tests/faults/clock_shift.so: $(top_srcdir)/tests/faults/clock_shift.c
	$(AM_V_CC)$(MKDIR_P) tests/faults && $(CC) -D_GNU_SOURCE $(WARN_CFLAGS) -O2 -shared -fPIC -o $@ $(top_srcdir)/tests/faults/clock_shift.c

# The agent that is installed is static: nothing can be preloaded. This one differs in that alone.
check_PROGRAMS += tests/faults/agent
tests_faults_agent_SOURCES = $(AGENT_SOURCES)
tests_faults_agent_LDADD = $(AGENT_LIBS)
