"""The real sockerless-lambda and a real registry, each started for the tests on ports of its own."""
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import boto3
import botocore.config
import botocore.exceptions
import pytest

from registry import Registry
from support.places import BUILD
from support.waiting import wait_until

PROGRAM = BUILD / "sockerless-lambda"
KEY_ID = "AKIALOCALTESTKEY0001"
SECRET = "local/test+secret=key"
REGION = "us-east-1"
ROLE = "arn:aws:iam::000000000000:role/test"


class Service:
    """One sockerless-lambda and clients for it."""

    def __init__(self, directory, registry, token=None, **settings):
        self.directory = Path(directory)
        self.registry = registry
        self.token = token
        self.settings = settings | ({"SOCKERLESS_LOCAL_SESSION_TOKEN": token} if token else {})
        self.process = None
        self.endpoint = None
        self.start()

    def start(self):
        endpoint = self.directory / "endpoint"
        endpoint.unlink(missing_ok=True)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SOCKERLESS_LOCAL_"))}
        environment |= {
            "SOCKERLESS_LOCAL_LISTEN": "127.0.0.1:0",
            "SOCKERLESS_LOCAL_DIR": str(self.directory),
            "SOCKERLESS_LOCAL_ACCESS_KEY_ID": KEY_ID,
            "SOCKERLESS_LOCAL_SECRET_ACCESS_KEY": SECRET,
            "SOCKERLESS_LOCAL_REGISTRY": self.registry.address,
            "SOCKERLESS_LOCAL_RATE_LIMIT": "0",
            "SOCKERLESS_LOG_LEVEL": os.environ.get("SOCKERLESS_LOG_LEVEL", "info"),
        } | self.settings
        self.process = subprocess.Popen([str(PROGRAM)], env=environment)

        def up():
            assert self.process.poll() is None, f"sockerless-lambda ended with {self.process.returncode}"
            return endpoint.exists() and endpoint.read_text().strip()
        self.endpoint = wait_until(up, what="endpoint")

    def stop(self):
        """SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def kill(self):
        self.process.kill()
        self.process.wait(60)

    def client(self, name, key_id=KEY_ID, secret=SECRET, region=REGION, retries=0, **more):
        more = {"aws_session_token": self.token} | more
        session = boto3.session.Session(aws_access_key_id=key_id, aws_secret_access_key=secret, region_name=region, **more)
        config = botocore.config.Config(retries={"max_attempts": retries}, read_timeout=60, parameter_validation=False, proxies={})
        return session.client(name, endpoint_url=self.endpoint, config=config)

    def create(self, name, image=None, wait=True, **more):
        """CreateFunction with the least there is to say, waited for until it is no longer Pending."""
        client = self.client("lambda")
        arguments = dict(FunctionName=name, Role=ROLE, PackageType="Image", Code={"ImageUri": image or self.registry.image}) | more
        reply = client.create_function(**arguments)
        if wait:
            wait_until(lambda: self.state(name) != "Pending", what="state", seconds=60)
        return reply

    def state(self, name):
        return self.client("lambda").get_function(FunctionName=name)["Configuration"]["State"]


@pytest.fixture(scope="session")
def registry():
    r = Registry()
    yield r
    r.close()


def make_service(registry, **settings):
    directory = tempfile.mkdtemp(prefix="sockerless-lambda-")
    s = Service(directory, registry, **settings)
    for repository in registry.repositories:
        s.client("ecr").create_repository(repositoryName=repository)
    return s


def end_service(s):
    status = s.stop() if s.process.poll() is None else 0
    shutil.rmtree(s.directory, ignore_errors=True)
    assert status == 0


@pytest.fixture(scope="session")
def service(registry):
    s = make_service(registry)
    yield s
    end_service(s)


@pytest.fixture
def own_service(registry):
    """A factory of services for one test, with settings of their own."""
    made = []

    def make(**settings):
        made.append(make_service(registry, **settings))
        return made[-1]
    yield make
    for s in made:
        end_service(s)


@pytest.fixture
def function_name(request, service):
    """A name of the test's own; what stands under it is deleted after the test."""
    name = "t-" + "".join(c if c.isalnum() else "-" for c in request.node.name)[:50].strip("-")
    yield name
    client = service.client("lambda")
    try:
        client.delete_function(FunctionName=name)
    except client.exceptions.ResourceNotFoundException:
        pass


def error_of(call, *args, **kwargs):
    """(HTTP status, code, message) of a call that must fail."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(*args, **kwargs)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]
