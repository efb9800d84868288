check_PROGRAMS += tests/registry/drive
tests_registry_drive_SOURCES = tests/registry/drive.c
tests_registry_drive_LDADD = $(UNIT_LDADD)
