"""Invoke against real sandboxes: needs root, busybox and docker-registry."""
import base64
import http.client
import json
import os
import re
import socket
import threading
import time
import urllib.parse

import botocore.exceptions
import pytest

from conftest import error_of
from support.waiting import wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="sandboxes need root")


def invoke(service, name, event=None, **more):
    """(payload, function error, log tail, whole reply)"""
    arguments = dict(FunctionName=name, LogType="Tail") | more
    if event is not None:
        arguments["Payload"] = json.dumps(event)
    reply = service.client("lambda").invoke(**arguments)
    payload = reply["Payload"].read()
    return json.loads(payload or "null"), reply.get("FunctionError"), base64.b64decode(reply.get("LogResult", "")).decode(), reply


def log_lines(service, name):
    """Every line of every stream, in order of arrival."""
    pages = service.client("logs").get_paginator("filter_log_events").paginate(logGroupName="/aws/lambda/" + name)
    return [e["message"] for e in pages.build_full_result()["events"]]


def test_result(service, function_name):
    service.create(function_name)
    payload, error, tail, reply = invoke(service, function_name, {"do": "hello"})
    assert (payload, error, reply["ExecutedVersion"], reply["StatusCode"]) == ({"hello": "world"}, None, "$LATEST", 200)
    request = reply["ResponseMetadata"]["RequestId"]
    assert f"START RequestId: {request} Version: $LATEST\n" in tail and f"END RequestId: {request}\n" in tail
    assert re.search(rf"REPORT RequestId: {request}\tDuration: \d+\.\d+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB\tInit Duration: ", tail)
    payload, error, tail, _ = invoke(service, function_name, {"do": "hello"})
    assert "Init Duration" not in tail


def test_echo_and_empty_payload(service, function_name):
    service.create(function_name)
    assert invoke(service, function_name, {"a": ["b", 1, None]})[0] == {"a": ["b", 1, None]}
    assert invoke(service, function_name)[0] == {}
    assert error_of(service.client("lambda").invoke, FunctionName=function_name, Payload=b"{")[:2] == (400, "InvalidRequestContentException")


def test_payload_limit(service, function_name):
    service.create(function_name, Timeout=60, MemorySize=1024)
    assert error_of(service.client("lambda").invoke, FunctionName=function_name, Payload=json.dumps("x" * 6291456))[0] == 413
    payload, error, _, _ = invoke(service, function_name, {"do": "big", "bytes": "1000000"})
    assert (payload, error) == ("x" * 1000000, None)
    payload, error, _, _ = invoke(service, function_name, {"do": "big", "bytes": "6291560"})
    assert (payload["errorType"], error) == ("Function.ResponseSizeTooLarge", "Unhandled")
    assert invoke(service, function_name, {"do": "hello"})[0] == {"hello": "world"}


def test_types_of_invocation(service, function_name):
    service.create(function_name)
    client = service.client("lambda")
    assert client.invoke(FunctionName=function_name, InvocationType="DryRun")["StatusCode"] == 204
    assert error_of(client.invoke, FunctionName=function_name, InvocationType="Event")[1] == "InvalidParameterValueException"
    assert error_of(client.invoke, FunctionName="none")[:2] == (404, "ResourceNotFoundException")
    assert error_of(client.invoke, FunctionName=function_name, Qualifier="7")[0] == 404


def test_pending_is_a_conflict(service, function_name):
    service.create(function_name, wait=False)
    try:
        assert invoke(service, function_name, {"do": "hello"})[0] == {"hello": "world"}
    except botocore.exceptions.ClientError as e:
        assert e.response["Error"]["Code"] == "ResourceConflictException" and "state: Pending" in e.response["Error"]["Message"]
        wait_until(lambda: service.state(function_name) == "Active", what="Active")


def test_start_of_the_process(service, function_name):
    service.create(function_name)
    assert invoke(service, function_name, {"do": "start"})[0] == "from-image in /work as 993"
    service.create(function_name + "-2", ImageConfig={"EntryPoint": ["/runtime", "a"], "Command": ["b", "c"], "WorkingDirectory": "/tmp"})
    assert invoke(service, function_name + "-2", {"do": "start"})[0] == "a b c in /tmp as 993"
    service.client("lambda").delete_function(FunctionName=function_name + "-2")


def test_environment(service, function_name):
    service.create(function_name, MemorySize=192, Environment={"Variables": {"MINE": "yes", "FROM_IMAGE": "overridden"}})
    variables = dict(v.split("=", 1) for v in invoke(service, function_name, {"do": "environment"})[0].split(";") if "=" in v)
    assert variables["MINE"] == "yes" and variables["FROM_IMAGE"] == "overridden" and variables["PATH"] == "/bin"
    assert variables["AWS_REGION"] == "us-east-1" and variables["AWS_LAMBDA_FUNCTION_NAME"] == function_name
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "192" and variables["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
    assert variables["AWS_LAMBDA_RUNTIME_API"] == "169.254.100.1:9001" and variables["TZ"] == ":UTC"
    assert variables["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/" + function_name
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", variables["AWS_LAMBDA_LOG_STREAM_NAME"])
    assert variables["AWS_ACCESS_KEY_ID"].startswith("ASIA") and variables["AWS_SECRET_ACCESS_KEY"] and variables["AWS_SESSION_TOKEN"]
    streams = service.client("logs").describe_log_streams(logGroupName="/aws/lambda/" + function_name)["logStreams"]
    assert variables["AWS_LAMBDA_LOG_STREAM_NAME"] in [s["logStreamName"] for s in streams]


def test_headers_of_next(service, function_name):
    service.create(function_name, Timeout=30)
    before = time.time()
    payload, _, _, reply = invoke(service, function_name, {"do": "headers"})
    headers = dict(h.split(": ", 1) for h in payload.split(";") if ": " in h)
    assert headers["Lambda-Runtime-Aws-Request-Id"] == reply["ResponseMetadata"]["RequestId"]
    assert headers["Lambda-Runtime-Invoked-Function-Arn"].endswith(":function:" + function_name)
    assert 29 < int(headers["Lambda-Runtime-Deadline-Ms"]) / 1000 - before < 60
    assert headers["Lambda-Runtime-Trace-Id"].startswith("Root=1-") and headers["Content-Type"] == "application/json"


def test_warm_environment_keeps_tmp(service, function_name):
    service.create(function_name)
    results = [invoke(service, function_name, {"do": "tmp"})[0] for _ in range(4)]
    pids, counts, lines = zip(*results)
    assert len(set(pids)) == 1 and counts == (1, 2, 3, 4) and lines == (1, 2, 3, 4)


def test_frozen_between_invocations(service, function_name):
    service.create(function_name)
    invoke(service, function_name, {"do": "ticks"})
    first = invoke(service, function_name, {"do": "ticks"})[0]
    end = time.monotonic() + 1
    wait_until(lambda: time.monotonic() > end, what="a second")
    second = invoke(service, function_name, {"do": "ticks"})[0]
    # Awake it would have written 50.
    assert second - first < 25


def test_timeout(service, function_name):
    service.create(function_name, Timeout=1)
    invoke(service, function_name, {"do": "tmp"})
    before = time.monotonic()
    payload, error, tail, reply = invoke(service, function_name, {"do": "sleep", "seconds": "30"})
    assert 1 <= time.monotonic() - before < 5
    request = reply["ResponseMetadata"]["RequestId"]
    assert error == "Unhandled"
    assert payload == {"errorType": "Sandbox.Timedout", "errorMessage": f"RequestId: {request} Error: Task timed out after 1.00 seconds"}
    assert re.search(rf"\dZ {request} Task timed out after 1.00 seconds\n", tail) and "Status: timeout" in tail
    # /tmp survives, the process doesn't.
    _, count, lines = invoke(service, function_name, {"do": "tmp"})[0]
    assert (count, lines) == (1, 2)


@pytest.mark.parametrize("event,why", [({"do": "exit", "status": "3"}, "Runtime exited with error: exit status 3"),
                                       ({"do": "exit", "status": "0"}, "Runtime exited without providing a reason"),
                                       ({"do": "crash"}, "Runtime exited with error: signal: killed")])
def test_exit(service, function_name, event, why):
    service.create(function_name)
    payload, error, tail, reply = invoke(service, function_name, event)
    assert error == "Unhandled" and payload["errorType"] == "Runtime.ExitError"
    assert payload["errorMessage"] == f"RequestId: {reply['ResponseMetadata']['RequestId']} Error: {why}"
    assert why in tail and "Error Type: Runtime.ExitError" in tail
    assert invoke(service, function_name, {"do": "hello"})[0] == {"hello": "world"}


def test_answer_and_exit(service, function_name):
    service.create(function_name)
    payload, error, _, _ = invoke(service, function_name, {"do": "answer-exit"})
    assert (payload, error) == ("last words", None)
    assert invoke(service, function_name, {"do": "hello"})[0] == {"hello": "world"}


def test_slow_return_to_next(service, function_name):
    service.create(function_name, Timeout=20)
    invoke(service, function_name, {"do": "hello"})
    before = time.monotonic()
    assert invoke(service, function_name, {"do": "answer-late"})[0] == "early"
    assert time.monotonic() - before < 1.5
    # Busy still: the next one gets an environment of its own.
    assert invoke(service, function_name, {"do": "tmp"})[0][1:] == [1, 1]
    wait_until(lambda: "done late\n" in log_lines(service, function_name), what="end")
    assert len(service.client("logs").describe_log_streams(logGroupName="/aws/lambda/" + function_name)["logStreams"]) == 2


def test_deadline_after_the_answer(service, function_name):
    service.create(function_name, Timeout=1)
    assert invoke(service, function_name, {"do": "answer-late"})[:2] == ("early", None)
    wait_until(lambda: any("Status: timeout" in line for line in log_lines(service, function_name)), what="end")
    assert invoke(service, function_name, {"do": "hello"})[0] == {"hello": "world"}


def test_error_answer(service, function_name):
    service.create(function_name)
    payload, error, _, _ = invoke(service, function_name, {"do": "error"})
    assert (error, payload) == ("Unhandled", {"errorType": "Test.Error", "errorMessage": "as asked"})


def test_wrong_request_id(service, function_name):
    service.create(function_name)
    assert " 400 " in invoke(service, function_name, {"do": "wrong-id"})[0]


@pytest.mark.parametrize("how", ["exit", "slow"])
def test_init_is_tried_again(own_service, how):
    s = own_service(SOCKERLESS_LOCAL_INIT_SECONDS="1")
    s.create("f", Timeout=10, Environment={"Variables": {"INIT": how}})
    assert invoke(s, "f", {"do": "hello"})[:2] == ({"hello": "world"}, None)
    assert any("INIT_REPORT" in line and ("timeout" if how == "slow" else "error") in line for line in log_lines(s, "f"))


def test_init_error(service, function_name):
    service.create(function_name, Environment={"Variables": {"INIT": "error"}})
    payload, error, _, _ = invoke(service, function_name, {"do": "hello"})
    assert (error, payload) == ("Unhandled", {"errorType": "Test.Init", "errorMessage": "init went wrong"})


def test_exit_in_init(service, function_name):
    service.create(function_name, Environment={"Variables": {"INIT": "always-exit"}})
    payload, error, _, _ = invoke(service, function_name, {"do": "hello"})
    assert error == "Unhandled" and payload["errorMessage"].endswith("exit status 7")


@pytest.mark.parametrize("config,kind", [({"EntryPoint": ["/none"]}, "Runtime.InvalidEntrypoint"), ({"EntryPoint": ["runtime"]}, "Runtime.InvalidEntrypoint"),
                                         ({"EntryPoint": ["/link"]}, "Runtime.InvalidEntrypoint"),
                                         ({"WorkingDirectory": "/none"}, "Runtime.InvalidWorkingDir")])
def test_what_cant_start(service, function_name, config, kind):
    service.create(function_name, ImageConfig=config)
    payload, error, _, _ = invoke(service, function_name, {"do": "hello"})
    assert (error, payload["errorType"]) == ("Unhandled", kind)


def test_logs(service, function_name):
    service.create(function_name)
    request = invoke(service, function_name, {"do": "say", "text": "a line"})[3]["ResponseMetadata"]["RequestId"]
    _, _, tail, _ = invoke(service, function_name, {"do": "partial"})
    lines = log_lines(service, function_name)
    assert lines[0].startswith("INIT_START ")
    at = lines.index(f"START RequestId: {request} Version: $LATEST\n")
    assert lines[at + 1] == "a line\n" and lines[at + 2] == f"END RequestId: {request}\n" and lines[at + 3].startswith(f"REPORT RequestId: {request}\t")
    assert "no newline" in lines and "no newlineEND" in tail
    _, _, tail, _ = invoke(service, function_name, {"do": "many", "n": "5000"})
    assert len(tail) == 4096 and "\n5000\n" in tail
    lines = log_lines(service, function_name)
    at = lines.index("1\n")
    assert lines[at:at + 5000] == [f"{i}\n" for i in range(1, 5001)]


def test_concurrency(own_service):
    s = own_service(SOCKERLESS_LOCAL_CONCURRENCY="3")
    s.create("f", Timeout=30)
    results, lock = [], threading.Lock()

    def one():
        try:
            result = invoke(s, "f", {"do": "sleep", "seconds": "3"})[0]
        except botocore.exceptions.ClientError as e:
            result = (e.response["ResponseMetadata"]["HTTPStatusCode"], e.response["Error"]["Code"])
        with lock:
            results.append(result)
    threads = [threading.Thread(target=one) for _ in range(5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(map(str, results)) == sorted(map(str, ["slept"] * 3 + [(429, "TooManyRequestsException")] * 2))
    assert len(s.client("logs").describe_log_streams(logGroupName="/aws/lambda/f")["logStreams"]) == 3


def start_and_leave(service, name, event):
    """Sends an Invoke and closes the connection without waiting for the reply."""
    from test_signature import signed
    prepared = signed(service, "POST", f"/2015-03-31/functions/{name}/invocations", json.dumps(event).encode())
    url = urllib.parse.urlsplit(service.endpoint)
    connection = http.client.HTTPConnection(url.hostname, url.port)
    connection.request("POST", urllib.parse.urlsplit(prepared.url).path, prepared.body, dict(prepared.headers))
    return connection


def test_goes_on_without_its_caller(service, function_name):
    service.create(function_name, Timeout=20)
    start_and_leave(service, function_name, {"do": "say", "text": "nobody waits"}).close()
    wait_until(lambda: "nobody waits\n" in log_lines(service, function_name) if started(service, function_name) else None, what="line")
    wait_until(lambda: any(line.startswith("REPORT ") for line in log_lines(service, function_name)), what="report")


def started(service, name):
    return service.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/" + name)["logGroups"]


def test_delete_lets_a_running_one_end(service, function_name):
    service.create(function_name, Timeout=20)
    invoke(service, function_name, {"do": "hello"})
    connection = start_and_leave(service, function_name, {"do": "sleep", "seconds": "1"})
    wait_until(lambda: sum(line.startswith("START ") for line in log_lines(service, function_name)) == 2, what="start")
    service.client("lambda").delete_function(FunctionName=function_name)
    reply = connection.getresponse()
    assert (reply.status, reply.read()) == (200, b'"slept"')


def test_delete_ends_idle_environments(own_service):
    s = own_service()
    s.create("f")
    invoke(s, "f", {"do": "hello"})
    assert sandboxes(s)
    s.client("lambda").delete_function(FunctionName="f")
    wait_until(lambda: not sandboxes(s), what="end of the environment")


def test_out_of_memory(service, function_name):
    service.create(function_name, Timeout=30)
    payload, error, tail, _ = invoke(service, function_name, {"do": "eat"})
    assert (error, payload["errorType"]) == ("Unhandled", "Runtime.ExitError"), payload
    assert payload["errorMessage"].endswith("signal: killed") and "Max Memory Used: 128 MB" in tail


def test_relay(own_service):
    with socket.create_server(("127.0.0.1", 0)) as outside:
        s = own_service(SOCKERLESS_LOCAL_RELAY=f"169.254.100.1:9002=127.0.0.1:{outside.getsockname()[1]}")
        s.create("f", Timeout=20)
        answer = []

        def serve():
            connection, _ = outside.accept()
            with connection:
                answer.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n\"outside\"")
        thread = threading.Thread(target=serve)
        thread.start()
        assert invoke(s, "f", {"do": "fetch", "url": "http://169.254.100.1:9002/back"})[0] == "outside"
        thread.join()
        assert answer[0].startswith(b"GET /back ")


def test_update_replaces_environments(service, function_name):
    client = service.client("lambda")
    service.create(function_name)
    assert invoke(service, function_name, {"do": "start"})[0].startswith("from-image")
    client.update_function_configuration(FunctionName=function_name, ImageConfig={"Command": ["new"]})
    wait_until(lambda: client.get_function_configuration(FunctionName=function_name)["LastUpdateStatus"] == "Successful", what="update")
    assert invoke(service, function_name, {"do": "start"})[0].startswith("new")


def test_idle_environments_end(own_service):
    s = own_service(SOCKERLESS_LOCAL_IDLE_SECONDS="1")
    s.create("f")
    pid = invoke(s, "f", {"do": "tmp"})[0]
    assert pid[1:] == [1, 1]
    assert sandboxes(s)
    wait_until(lambda: not sandboxes(s), what="end of the idle environment")
    assert invoke(s, "f", {"do": "tmp"})[0][1:] == [1, 1]


def sandboxes(service):
    directory = service.directory / "sandboxes" / "sandboxes"
    return list(directory.iterdir()) if directory.exists() else []


def test_sigterm_leaves_nothing(own_service):
    s = own_service()
    s.create("f", Timeout=60)
    invoke(s, "f", {"do": "hello"})
    connection = start_and_leave(s, "f", {"do": "sleep", "seconds": "50"})
    wait_until(lambda: sum(line.startswith("START ") for line in log_lines(s, "f")) == 2, what="start")
    before = time.monotonic()
    assert s.stop() == 0
    assert time.monotonic() - before < 20
    assert not sandboxes(s) and str(s.directory) not in open("/proc/mounts").read()
    connection.close()


def test_after_a_kill(own_service):
    s = own_service()
    s.create("f")
    invoke(s, "f", {"do": "tmp"})
    s.kill()
    s.start()
    assert invoke(s, "f", {"do": "tmp"})[0][1:] == [1, 1]
