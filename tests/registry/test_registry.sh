#!/bin/sh
# lib/registry against docker-registry and a server that misbehaves.
command -v docker-registry > /dev/null || exit 77
exec /usr/bin/python3 "${top_srcdir:-.}/tests/registry/test_registry.py"
