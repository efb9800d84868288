#!/bin/sh
# lib/aws against a server that checks signatures with botocore.
exec /usr/bin/python3 "${top_srcdir:-.}/tests/aws/test_aws.py"
