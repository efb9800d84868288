"""ECR's control plane."""
import base64
import datetime
import urllib.error
import urllib.request

import pytest

from conftest import error_of


@pytest.fixture
def ecr(service):
    return service.client("ecr")


def test_token(ecr, service):
    data = ecr.get_authorization_token()["authorizationData"][0]
    assert data["proxyEndpoint"] == "http://" + service.registry.address
    user, secret = base64.b64decode(data["authorizationToken"]).decode().split(":")
    assert user == "AWS" and len(secret) >= 32
    left = data["expiresAt"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(hours=11) < left <= datetime.timedelta(hours=12)


def test_repositories(ecr, service):
    created = ecr.create_repository(repositoryName="a/b-c")["repository"]
    assert created["repositoryUri"] == service.registry.address + "/a/b-c"
    assert created["repositoryArn"] == "arn:aws:ecr:us-east-1:000000000000:repository/a/b-c"
    assert error_of(ecr.create_repository, repositoryName="a/b-c")[:2] == (400, "RepositoryAlreadyExistsException")
    assert ecr.describe_repositories(repositoryNames=["a/b-c"])["repositories"][0]["repositoryName"] == "a/b-c"
    assert error_of(ecr.describe_repositories, repositoryNames=["a/none"])[1] == "RepositoryNotFoundException"
    ecr.delete_repository(repositoryName="a/b-c")
    assert error_of(ecr.delete_repository, repositoryName="a/b-c")[1] == "RepositoryNotFoundException"


def test_pages(ecr):
    names = ["page/r%02d" % i for i in range(25)]
    for name in names:
        ecr.create_repository(repositoryName=name)
    listed = ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 10}).build_full_result()["repositories"]
    assert [r["repositoryName"] for r in listed if r["repositoryName"].startswith("page/")] == names
    for name in names:
        ecr.delete_repository(repositoryName=name)


@pytest.mark.parametrize("name", ["", "a", "A/b", "a//b", "a/", "-a", "a..b", "a b", "x" * 257])
def test_names(ecr, name):
    assert error_of(ecr.create_repository, repositoryName=name)[:2] == (400, "InvalidParameterException")


def test_batch_delete_image(ecr, service):
    """A manifest goes with its tags; what isn't there is told, and no repository is an error."""
    ecr.create_repository(repositoryName="del/x")
    digest = push_manifest(service, "del/x", "1")
    gone = ecr.batch_delete_image(repositoryName="del/x", imageIds=[{"imageDigest": digest}, {"imageDigest": "sha256:" + "0" * 64}, {"imageDigest": "no"}])
    assert gone["imageIds"] == [{"imageDigest": digest}]
    assert [f["failureCode"] for f in gone["failures"]] == ["ImageNotFound", "InvalidImageDigest"]
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen("http://%s/v2/del/x/manifests/1" % service.registry.address, timeout=10)
    assert error_of(ecr.batch_delete_image, repositoryName="del/none", imageIds=[{"imageDigest": digest}])[1] == "RepositoryNotFoundException"
    ecr.delete_repository(repositoryName="del/x")


def push_manifest(service, repository, tag):
    put = service.registry.put_image(repository, tag, [b"\0" * 1024])
    return put["digest"]


def test_unknown_action(ecr):
    assert error_of(ecr.list_images, repositoryName="x")[:2] == (400, "UnknownOperationException")
