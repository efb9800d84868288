#!/bin/sh
# Tests of nginx's module and configuration against a real nginx. Build first; arguments go to pytest.
here=$(cd "$(dirname "$0")" && pwd)
command -v nginx >/dev/null || exit 77
export PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 -m pytest -q -p no:cacheprovider "$@" "$here"
