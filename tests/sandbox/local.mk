noinst_PROGRAMS += tests/sandbox/driver
tests_sandbox_driver_SOURCES = tests/sandbox/driver.c
tests_sandbox_driver_LDADD = liblambdasandbox.a $(LAMBDASANDBOX_LIBS)
TESTS += tests/sandbox/run
EXTRA_DIST += tests/sandbox/run tests/sandbox/registry.py tests/sandbox/test_sandbox.py
