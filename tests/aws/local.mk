check_PROGRAMS += tests/aws/drive
tests_aws_drive_SOURCES = tests/aws/drive.c
tests_aws_drive_LDADD = $(UNIT_LDADD)
