"""Accounts at registries, as a client gives them: password, identity token, registry token; of the tenant that uses the image."""
import base64
import importlib.util
import json
import pathlib

import pytest

from registry import make_tar
from support.registry import SECRET_BY_BCRYPT, Registry

spec = importlib.util.spec_from_file_location("registry_tests", pathlib.Path(__file__).resolve().parents[1] / "registry" / "test_registry.py")
registry_tests = importlib.util.module_from_spec(spec)
spec.loader.exec_module(registry_tests)

PASSWORD = {"username": "user", "password": "secret"}
ACCESS = [{"type": "repository", "name": "private", "actions": ["pull"]}]


@pytest.fixture(scope="module")
def tokens():
    registry_tests.Token.setUpClass()
    yield registry_tests.Token
    registry_tests.Token.tearDownClass()


@pytest.fixture(scope="module")
def htpasswd(tmp_path_factory):
    path = tmp_path_factory.mktemp("auth") / "htpasswd"
    path.write_text("user:%s\n" % SECRET_BY_BCRYPT)
    r = Registry("auth: {htpasswd: {realm: r, path: %s}}\n" % path)
    r.put_image("private", "1", [make_tar({"x": b"2"})], headers={"Authorization": "Basic " + base64.b64encode(b"user:secret").decode()})
    yield r
    r.close()


def pull(service, address, account, tenant="local"):
    """Status, and the last line's words."""
    headers = {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(account).encode()).decode()} if account is not None else {}
    reply = service.call("POST", "/images/create?fromImage=%s/private&tag=1" % address, headers=headers, tenant=tenant)
    last = service.lines(reply)[-1]
    return reply.status, last.get("status") or last.get("message") or last.get("error")


def login(service, account):
    reply = service.call("POST", "/auth", account)
    return reply.status, reply.json


def test_login_gives_an_identity_token(service, tokens):
    at = {"serveraddress": tokens.r.address}
    assert login(service, PASSWORD | at) == (200, {"IdentityToken": tokens.IDENTITY, "Status": "Login Succeeded"})
    assert tokens.asked[-1][0]["offline_token"] == ["true"] and tokens.asked[-1][0]["account"] == ["user"]
    # With it, it is good for another login.
    assert login(service, {"identitytoken": tokens.IDENTITY} | at) == (200, {"IdentityToken": tokens.IDENTITY, "Status": "Login Succeeded"})
    told = 'Get "http://%s/v2/": unauthorized: incorrect username or password' % tokens.r.address
    for wrong in {"username": "user", "password": "wrong"}, {"identitytoken": "wrong"}:
        assert login(service, wrong | at) == (401, {"message": told})


def test_login_without_tokens(service, htpasswd):
    at = {"serveraddress": htpasswd.address}
    assert login(service, PASSWORD | at) == (200, {"IdentityToken": "", "Status": "Login Succeeded"})
    assert login(service, {"username": "user", "password": "wrong"} | at) == (
        500, {"message": "login attempt to http://%s/v2/ failed with status: 401 Unauthorized" % htpasswd.address})


GOOD = ["password", "identity", "registry"]
BAD = [None, {}, {"username": "user", "password": "wrong"}, {"identitytoken": "wrong"}, {"registrytoken": "wrong"}, {"registrytoken": "a\r\nX: y"}]


@pytest.mark.parametrize("kind", GOOD)
def test_pull(service, tokens, kind):
    account = {"password": PASSWORD, "identity": {"identitytoken": tokens.IDENTITY}, "registry": {"registrytoken": tokens.sign(ACCESS)}}[kind]
    asked = len(tokens.asked)
    assert pull(service, tokens.r.address, account)[0] == 200
    given = tokens.asked[asked:]
    # A registry token is passed on as it is; with an identity token no password goes anywhere.
    assert [bool(a) for _, a in given[:1]] == {"password": [True], "identity": [False], "registry": []}[kind]
    assert service.call("DELETE", "/images/%s/private:1" % tokens.r.address).status == 200


@pytest.mark.parametrize("account", BAD, ids=[json.dumps(a) for a in BAD])
def test_pull_refused(service, tokens, account):
    status, told = pull(service, tokens.r.address, account)
    assert status >= 400 and ("denied" in told or "unauthorized" in told or "line break" in told), told


def test_each_tenant_needs_its_own(service, tokens, htpasswd):
    """What one tenant has pulled is out of another one's reach without an account, by name, by id and by digest; the answers are those about an image that isn't there."""
    for r in htpasswd, tokens.r:
        assert pull(service, r.address, PASSWORD)[0] == 200
        shown = service.call("GET", "/images/%s/private:1/json" % r.address).json
        refused = pull(service, r.address, None, tenant="other")
        absent = service.call("POST", "/images/create?fromImage=%s/absent&tag=1" % r.address, tenant="other")
        assert refused[0] == absent.status and refused[1] == absent.json["message"].replace("/absent", "/private")
        for name in "%s/private:1" % r.address, shown["Id"], shown["RepoDigests"][0]:
            for method, path in ("GET", "/images/%s/json"), ("GET", "/images/%s/history"), ("GET", "/images/%s/get"), ("DELETE", "/images/%s"), ("POST", "/images/%s/tag?repo=x"):
                assert service.call(method, path % name, tenant="other").status == 404, (method, path % name)
        assert service.call("POST", "/containers/create", {"Image": shown["Id"]}, tenant="other").status == 404
        assert pull(service, r.address, PASSWORD, tenant="other")[0] == 200
