import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import harness  # noqa: E402


@pytest.fixture(scope="session")
def certificates():
    where = pathlib.Path(tempfile.mkdtemp(prefix="skcert"))
    harness.make_certificates(where)
    yield where
    shutil.rmtree(where)


@pytest.fixture
def site(certificates):
    s = harness.Site(certificates)
    try:
        yield s.start()
    finally:
        s.stop()
