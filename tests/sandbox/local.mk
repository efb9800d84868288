noinst_PROGRAMS += tests/sandbox/driver
tests_sandbox_driver_SOURCES = tests/sandbox/driver.c
tests_sandbox_driver_LDADD = liblambdasandbox.a $(LAMBDASANDBOX_LIBS)
