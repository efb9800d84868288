"""The whole system as the clients' tests start it, and bare requests to it."""
import importlib.util
import pathlib

import pytest

from wire import Api

CLIENTS = pathlib.Path(__file__).resolve().parents[1] / "clients" / "conftest.py"
spec = importlib.util.spec_from_file_location("clients_conftest", CLIENTS)
clients = importlib.util.module_from_spec(spec)
spec.loader.exec_module(clients)
system = clients.system
docker = clients.docker


@pytest.fixture
def api(docker):
    return Api(docker.socket)


@pytest.fixture(scope="module")
def stage(system):
    """A stage that the tests of a module play on: whatever it holds is removed at their end."""
    api = Api(system.socket)
    yield api
    for c in api.get("/containers/json?all=1").json:
        api.delete("/containers/%s?force=1&v=1" % c["Id"])
    api.post("/volumes/prune?filters={%22all%22:[%22true%22]}")
    api.post("/networks/prune")
    clients.wait_until(lambda: not system.leftovers(), 30, "nothing left of the stage")
