noinst_PROGRAMS += tests/sandbox/driver
tests_sandbox_driver_SOURCES = tests/sandbox/driver.c
tests_sandbox_driver_LDADD = liblambdasandbox.a $(LAMBDASANDBOX_LIBS)
EXTRA_DIST += tests/sandbox/run tests/sandbox/harness.py tests/sandbox/registry.py tests/sandbox/calls.c tests/sandbox/test_inside.py \
  tests/sandbox/test_network.py tests/sandbox/test_images.py tests/sandbox/test_leftovers.py
