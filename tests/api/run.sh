#!/bin/sh
# The worker's answers, asked by FastCGI without nginx. From anywhere: tests/api/run.sh [pytest's arguments]
here=$(cd "$(dirname "$0")" && pwd)
if [ -n "$top_builddir" ]; then
	top_builddir=$(cd "$top_builddir" && pwd)
	top_srcdir=$(cd "$here/../.." && pwd)
	export top_builddir top_srcdir
fi
python=
for p in "${PYTHON:-python3}" /usr/bin/python3; do
	if "$p" -c 'import pytest' 2>/dev/null; then
		python=$p
		break
	fi
done
[ -n "$python" ] || { echo "pytest isn't installed"; exit 77; }
cd "$here" && PYTHONDONTWRITEBYTECODE=1 exec "$python" -m pytest -q -p no:cacheprovider "$@"
