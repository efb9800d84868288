"""Functions: their states, limits, tags, pages, and that they outlive the program."""
import json

import pytest

from conftest import KEY_ID, error_of
from support.waiting import wait_until

ARN = "arn:aws:lambda:us-east-1:000000000000:function:"


def test_life(service, function_name):
    client = service.client("lambda")
    created = service.create(function_name, wait=False, Description="what for", Timeout=7, MemorySize=256, EphemeralStorage={"Size": 1024},
                             Environment={"Variables": {"AB": "c"}}, ImageConfig={"EntryPoint": ["/runtime"], "Command": ["x"], "WorkingDirectory": "/tmp"},
                             Tags={"k": "v"})
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert created["State"] == "Pending" and created["StateReasonCode"] == "Creating"
    assert created["FunctionArn"] == ARN + function_name and created["PackageType"] == "Image"
    wait_until(lambda: service.state(function_name) == "Active", what="Active")
    got = client.get_function(FunctionName=function_name)
    configuration = got["Configuration"]
    assert configuration["LastUpdateStatus"] == "Successful" and "StateReasonCode" not in configuration
    assert (configuration["Timeout"], configuration["MemorySize"], configuration["EphemeralStorage"]["Size"]) == (7, 256, 1024)
    assert configuration["ImageConfigResponse"]["ImageConfig"] == {"EntryPoint": ["/runtime"], "Command": ["x"], "WorkingDirectory": "/tmp"}
    assert configuration["Environment"] == {"Variables": {"AB": "c"}} and configuration["Description"] == "what for"
    assert got["Code"]["ImageUri"] == service.registry.image == got["Code"]["ResolvedImageUri"]
    assert got["Tags"] == {"k": "v"}
    assert client.delete_function(FunctionName=function_name)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert error_of(client.get_function, FunctionName=function_name) == (404, "ResourceNotFoundException", "Function not found: " + ARN + function_name)
    assert error_of(client.delete_function, FunctionName=function_name)[0] == 404
    service.create(function_name)


def test_taken_name(service, function_name):
    service.create(function_name)
    assert error_of(service.create, function_name)[:2] == (409, "ResourceConflictException")


@pytest.mark.parametrize("form", ["{}", ARN + "{}", ARN + "{}:$LATEST", "000000000000:function:{}", "{}:$LATEST"])
def test_forms_of_a_name(service, function_name, form):
    service.create(function_name)
    got = service.client("lambda").get_function_configuration(FunctionName=form.format(function_name))
    assert got["FunctionName"] == function_name


def variables(n):
    return {"Environment": {"Variables": {"V%03d" % i: "x" * 90 for i in range(n)}}}


REFUSED = {
    "zip": dict(PackageType="Zip", Runtime="python3.12", Handler="a.b", Code={"ZipFile": b"x"}),
    "runtime": dict(Runtime="python3.12"),
    "handler": dict(Handler="a.b"),
    "layers": dict(Layers=["arn:aws:lambda:us-east-1:000000000000:layer:a:1"]),
    "long name": dict(FunctionName="x" * 65),
    "odd name": dict(FunctionName="a.b"),
    "role": dict(Role="admin"),
    "timeout 0": dict(Timeout=0),
    "timeout 901": dict(Timeout=901),
    "memory 127": dict(MemorySize=127),
    "memory 10241": dict(MemorySize=10241),
    "storage 511": dict(EphemeralStorage={"Size": 511}),
    "storage 10241": dict(EphemeralStorage={"Size": 10241}),
    "variable of one letter": dict(Environment={"Variables": {"A": "b"}}),
    "variable with underscore": dict(Environment={"Variables": {"_A": "b"}}),
    "variable with dot": dict(Environment={"Variables": {"A.B": "b"}}),
    "reserved variable": dict(Environment={"Variables": {"AWS_REGION": "b"}}),
    "reserved lambda": dict(Environment={"Variables": {"LAMBDA_TASK_ROOT": "b"}}),
    "reserved handler": dict(Environment={"Variables": {"_HANDLER": "b"}}),
    "4 KB of variables": variables(41),
    "entry points": dict(ImageConfig={"EntryPoint": ["x"] * 1501}),
    "commands": dict(ImageConfig={"Command": ["x"] * 1501}),
    "working directory": dict(ImageConfig={"WorkingDirectory": "/" + "x" * 1000}),
    "51 tags": dict(Tags={"k%d" % i: "v" for i in range(51)}),
    "tag key": dict(Tags={"k" * 129: "v"}),
    "tag value": dict(Tags={"k": "v" * 257}),
    "JSON in a tag": dict(Tags={"k": '{"a":1}'}),
    "two architectures": dict(Architectures=["x86_64", "arm64"]),
    "another architecture": dict(Architectures=["riscv64"]),
    "17 subnets": dict(VpcConfig={"SubnetIds": ["s"] * 17, "SecurityGroupIds": []}),
    "6 groups": dict(VpcConfig={"SubnetIds": ["s"], "SecurityGroupIds": ["g"] * 6}),
    "two file systems": dict(FileSystemConfigs=[{"Arn": "a", "LocalMountPath": "/mnt/a"}] * 2, VpcConfig={"SubnetIds": ["s"], "SecurityGroupIds": ["g"]}),
    "mount path": dict(FileSystemConfigs=[{"Arn": "a", "LocalMountPath": "/data"}], VpcConfig={"SubnetIds": ["s"], "SecurityGroupIds": ["g"]}),
    "file system without VPC": dict(FileSystemConfigs=[{"Arn": "a", "LocalMountPath": "/mnt/a"}]),
    "no image": dict(Code={}),
    "public image": dict(Code={"ImageUri": "docker.io/library/busybox:latest"}),
    "image without tag": dict(Code={"ImageUri": "REGISTRY/test/runtime"}),
    "unknown repository": dict(Code={"ImageUri": "REGISTRY/test/none:latest"}),
    "unknown digest": dict(Code={"ImageUri": "REGISTRY/test/runtime@sha256:" + "0" * 64}),
    "index": dict(Code={"ImageUri": "INDEX"}),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(service, function_name, what):
    arguments = {"FunctionName": function_name} | json.loads(
        json.dumps(REFUSED[what], default=lambda b: b.decode()).replace("REGISTRY", service.registry.address).replace("INDEX", service.registry.index))
    name = arguments.pop("FunctionName")
    image = arguments.get("Code", {}).get("ImageUri")
    status, code, message = error_of(service.create, name, image, **arguments)
    assert (status, code) == (400, "InvalidParameterValueException"), message
    assert service.client("lambda").get_paginator("list_functions").paginate().build_full_result()["Functions"] == [] or \
        error_of(service.client("lambda").get_function, FunctionName=function_name)[0] == 404


def test_at_the_limits(service, function_name):
    service.create(function_name, Timeout=900, MemorySize=10240, EphemeralStorage={"Size": 10240}, Tags={"k%d" % i: "v" * 256 for i in range(50)},
                   ImageConfig={"EntryPoint": ["/x"] * 1500}, **variables(39))
    assert service.state(function_name) == "Active"


def test_wrong_architecture_fails(service, function_name):
    service.create(function_name, service.registry.foreign)
    got = service.client("lambda").get_function(FunctionName=function_name)["Configuration"]
    assert (got["State"], got["StateReasonCode"]) == ("Failed", "InvalidImage")
    assert error_of(service.client("lambda").invoke, FunctionName=function_name)[:2] == (409, "ResourceConflictException")


def test_update_configuration(service, function_name):
    client = service.client("lambda")
    service.create(function_name, Environment={"Variables": {"AB": "1"}})
    updated = client.update_function_configuration(FunctionName=function_name, Timeout=9, Environment={"Variables": {"CD": "2"}})
    assert updated["LastUpdateStatus"] == "InProgress" and updated["Timeout"] == 9
    got = wait_until(lambda: (c := client.get_function_configuration(FunctionName=function_name))["LastUpdateStatus"] == "Successful" and c, what="update")
    assert (got["State"], got["Environment"]["Variables"]) == ("Active", {"CD": "2"})
    assert error_of(client.update_function_configuration, FunctionName=function_name, Timeout=901)[1] == "InvalidParameterValueException"
    assert error_of(client.update_function_configuration, FunctionName=function_name, Timeout=8, RevisionId="old")[0] == 412


def test_update_code(service, function_name):
    client = service.client("lambda")
    service.create(function_name)
    other = service.registry.push("test/runtime", Cmd=["other"])
    assert client.update_function_code(FunctionName=function_name, ImageUri=other)["LastUpdateStatus"] == "InProgress"
    wait_until(lambda: client.get_function_configuration(FunctionName=function_name)["LastUpdateStatus"] == "Successful", what="update")
    assert client.get_function(FunctionName=function_name)["Code"]["ResolvedImageUri"] == other
    client.update_function_code(FunctionName=function_name, ImageUri=service.registry.foreign)
    wait_until(lambda: client.get_function_configuration(FunctionName=function_name)["LastUpdateStatus"] == "Failed", what="failed update")
    assert service.state(function_name) == "Active"


def test_pages(own_service):
    s = own_service()
    client = s.client("lambda")
    names = ["f%03d" % i for i in range(120)]
    for name in names:
        s.create(name, wait=False, Description="of " + name, Tags={"a": "b"})
    first = client.list_functions()
    assert len(first["Functions"]) == 50 and first["NextMarker"]
    listed = client.get_paginator("list_functions").paginate().build_full_result()["Functions"]
    assert [f["FunctionName"] for f in listed] == names
    assert not {"State", "LastUpdateStatus", "Tags", "StateReason", "StateReasonCode"} & set(listed[0])
    assert listed[5]["Description"] == "of f005"
    assert len(client.list_functions(MaxItems=7)["Functions"]) == 7
    assert len(client.list_functions(MaxItems=10000)["Functions"]) == 50
    for name in names[100:]:
        client.delete_function(FunctionName=name)
    assert len(client.get_paginator("list_functions").paginate().build_full_result()["Functions"]) == 100


def test_tags(service, function_name):
    client = service.client("lambda")
    arn = service.create(function_name, Tags={"a": "1", "b": "2"})["FunctionArn"]
    assert client.list_tags(Resource=arn)["Tags"] == {"a": "1", "b": "2"}
    assert client.tag_resource(Resource=arn, Tags={"b": "3", "c d": "x+/="})["ResponseMetadata"]["HTTPStatusCode"] == 204
    client.untag_resource(Resource=arn, TagKeys=["a", "c d", "nothing"])
    assert client.list_tags(Resource=arn)["Tags"] == {"b": "3"}
    assert error_of(client.tag_resource, Resource=arn, Tags={"k%d" % i: "v" for i in range(50)})[1] == "InvalidParameterValueException"
    client.tag_resource(Resource=arn, Tags={"k%d" % i: "v" for i in range(49)})
    assert error_of(client.list_tags, Resource=arn + "x")[:2] == (404, "ResourceNotFoundException")


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_outlives_the_program(own_service, end):
    s = own_service()
    s.create("kept", Description="still there", Tags={"a": "b"})
    s.create("failed", s.registry.foreign)
    getattr(s, end)()
    s.start()
    got = s.client("lambda").get_function(FunctionName="kept")
    assert (got["Configuration"]["State"], got["Configuration"]["Description"], got["Tags"]) == ("Active", "still there", {"a": "b"})
    assert s.state("failed") == "Failed"
    assert s.client("ecr").describe_repositories()["repositories"][0]["repositoryName"] == "test/runtime"


def test_rates(own_service):
    s = own_service(SOCKERLESS_LOCAL_RATE_LIMIT="1")
    client = s.client("lambda")

    def until_refused(call, most):
        for n in range(most):
            try:
                call()
            except client.exceptions.TooManyRequestsException as e:
                assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 429
                assert int(e.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"]) >= 1
                return n
        return None
    # Slow machines earn tokens while they call: only the least is certain.
    n = until_refused(client.list_functions, 3000)
    assert n is not None and n >= 30
    assert client.list_tags is not None
    s2 = s.client("lambda", retries=10)
    assert s2.list_functions()["Functions"] == []


def test_unknown_operation(service):
    assert error_of(service.client("lambda").list_layers)[0] == 404


def test_second_program_is_turned_away(own_service):
    import subprocess
    import os
    from conftest import PROGRAM
    s = own_service()
    environment = os.environ | {"SOCKERLESS_LOCAL_DIR": str(s.directory), "SOCKERLESS_LOCAL_ACCESS_KEY_ID": "a",
                                "SOCKERLESS_LOCAL_SECRET_ACCESS_KEY": "b", "SOCKERLESS_LOCAL_LISTEN": "127.0.0.1:0"}
    assert subprocess.run([str(PROGRAM)], env=environment, timeout=60).returncode == 1
    assert s.client("lambda").list_functions()["Functions"] == []


def test_body_above_70_megabytes(service):
    import http.client
    import urllib.parse
    url = urllib.parse.urlsplit(service.endpoint)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
    connection.request("POST", "/2015-03-31/functions", b"x" * 70167212, {"Authorization": f"AWS4-HMAC-SHA256 Credential={KEY_ID}/x"})
    reply = connection.getresponse()
    assert reply.status == 413 and b"70167211 bytes for the CreateFunction operation" in reply.read()
    connection.request("POST", "/2015-03-31/functions", b"x" * 100000)
    reply = connection.getresponse()
    assert reply.status == 403 and reply.read()
    connection.close()
