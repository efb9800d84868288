check_PROGRAMS += tests/registry/drive
tests_registry_drive_SOURCES = tests/registry/drive.c
tests_registry_drive_LDADD = $(UNIT_LDADD)
dist_check_SCRIPTS += tests/registry/test_registry.sh tests/registry/test_registry.py
