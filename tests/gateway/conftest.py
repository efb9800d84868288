import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from harness import Gateway  # noqa: E402


@pytest.fixture
def gw():
    g = Gateway(SOCKERLESS_AGENT_TIMEOUT=5)
    yield g
    g.close()
