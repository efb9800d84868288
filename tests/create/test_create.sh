#!/bin/sh
# create, images and the reconciler: a worker, a real registry, a stand-in for AWS's control planes.
command -v docker-registry > /dev/null || exit 77
exec /usr/bin/python3 -m pytest -q -p no:cacheprovider "${top_srcdir:-.}/tests/create" "$@"
