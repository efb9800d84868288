"""CloudWatch Logs."""
import time
import uuid

import pytest

from conftest import error_of

NOW = int(time.time() * 1000)


@pytest.fixture
def logs(service):
    return service.client("logs")


@pytest.fixture
def group(logs):
    name = "/test/" + uuid.uuid4().hex
    logs.create_log_group(logGroupName=name)
    yield name
    logs.delete_log_group(logGroupName=name)


def put(logs, group, stream, *messages):
    logs.put_log_events(logGroupName=group, logStreamName=stream,
                        logEvents=[{"timestamp": NOW + i, "message": m} for i, m in enumerate(messages)])


def test_groups(logs, group):
    assert error_of(logs.create_log_group, logGroupName=group)[:2] == (400, "ResourceAlreadyExistsException")
    found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert [g["logGroupName"] for g in found] == [group] and found[0]["arn"].endswith(group + ":*")
    assert logs.describe_log_groups(logGroupNamePrefix=group + "x")["logGroups"] == []
    assert error_of(logs.delete_log_group, logGroupName=group + "x")[1] == "ResourceNotFoundException"
    assert error_of(logs.create_log_group, logGroupName="a b")[1] == "InvalidParameterException"


def test_streams(logs, group):
    names = ["s%03d" % i for i in range(120)]
    for name in names:
        logs.create_log_stream(logGroupName=group, logStreamName=name)
    assert error_of(logs.create_log_stream, logGroupName=group, logStreamName="s000")[1] == "ResourceAlreadyExistsException"
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group).build_full_result()
    assert [s["logStreamName"] for s in pages["logStreams"]] == names
    put(logs, group, "s007", "x")
    newest = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True, limit=1)["logStreams"]
    assert newest[0]["logStreamName"] == "s007" and newest[0]["lastEventTimestamp"] == NOW
    found = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="s01")["logStreams"]
    assert len(found) == 10


def read(logs, group, stream, head, **more):
    """All events, page by page, until the token repeats."""
    pages, token = [], {}
    while True:
        page = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=head, **more, **token)
        pages.append([e["message"] for e in page["events"]])
        following = page["nextForwardToken" if head else "nextBackwardToken"]
        if token and following == token["nextToken"]:
            return pages
        token = {"nextToken": following}


def test_get_forward_and_backward(logs, group):
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    logs.create_log_stream(logGroupName=group, logStreamName="other")
    messages = ["m%d" % i for i in range(25)]
    for i in range(0, 25, 5):
        put(logs, group, "s", *messages[i:i + 5])
        put(logs, group, "other", "noise")
    pages = read(logs, group, "s", True, limit=10)
    assert [len(p) for p in pages] == [10, 10, 5, 0] and sum(pages, []) == messages
    pages = read(logs, group, "s", False, limit=10)
    assert [len(p) for p in pages] == [10, 10, 5, 0]
    assert sum(reversed(pages), []) == messages


def test_forward_token_goes_on_with_new_events(logs, group):
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    empty = logs.get_log_events(logGroupName=group, logStreamName="s", startFromHead=True)
    assert empty["events"] == []
    put(logs, group, "s", "a")
    page = logs.get_log_events(logGroupName=group, logStreamName="s", startFromHead=True, nextToken=empty["nextForwardToken"])
    assert [e["message"] for e in page["events"]] == ["a"]
    put(logs, group, "s", "b")
    page = logs.get_log_events(logGroupName=group, logStreamName="s", startFromHead=True, nextToken=page["nextForwardToken"])
    assert [e["message"] for e in page["events"]] == ["b"]


def test_page_of_a_megabyte(logs, group):
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    for _ in range(4):
        put(logs, group, "s", *["x" * 100000] * 6)
    pages = read(logs, group, "s", True)
    assert sum(len(p) for p in pages) == 24
    assert max(sum(map(len, p)) for p in pages) <= 1 << 20 and len(pages) >= 4


def test_times(logs, group):
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    put(logs, group, "s", "a", "b", "c")
    got = logs.get_log_events(logGroupName=group, logStreamName="s", startFromHead=True, startTime=NOW + 1, endTime=NOW + 2)["events"]
    assert [e["message"] for e in got] == ["b"]


def test_filter(logs, group):
    for stream in ("s1", "s2", "t1"):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        put(logs, group, stream, stream + " one", stream + " two")
    pages = logs.get_paginator("filter_log_events")
    def messages(**more):
        return [e["message"] for e in pages.paginate(logGroupName=group, PaginationConfig={"PageSize": 2}, **more).build_full_result()["events"]]
    assert messages() == ["s1 one", "s1 two", "s2 one", "s2 two", "t1 one", "t1 two"]
    assert messages(logStreamNamePrefix="s") == ["s1 one", "s1 two", "s2 one", "s2 two"]
    assert messages(logStreamNames=["s2", "t1"]) == ["s2 one", "s2 two", "t1 one", "t1 two"]
    assert messages(filterPattern="one") == ["s1 one", "s2 one", "t1 one"]
    assert messages(filterPattern='"s2 two"') == ["s2 two"]
    assert messages(startTime=NOW + 1) == ["s1 two", "s2 two", "t1 two"]
    assert error_of(logs.filter_log_events, logGroupName=group, filterPattern="{ $.a = 1 }")[1] == "InvalidParameterException"


@pytest.mark.parametrize("token", ["", "f/", "x/1", "f/1x", "f/" + "9" * 100])
def test_broken_tokens(logs, group, token):
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    assert error_of(logs.get_log_events, logGroupName=group, logStreamName="s", nextToken=token)[1] == "InvalidParameterException"


def test_missing(logs, group):
    assert error_of(logs.get_log_events, logGroupName="/none", logStreamName="s") == \
        (400, "ResourceNotFoundException", "The specified log group does not exist.")
    assert error_of(logs.get_log_events, logGroupName=group, logStreamName="s") == \
        (400, "ResourceNotFoundException", "The specified log stream does not exist.")
    assert error_of(logs.get_log_events, logGroupName=group, logStreamName="s", limit=10001)[1] == "InvalidParameterException"


def test_bounded(own_service):
    s = own_service(SOCKERLESS_LOCAL_LOG_MEGABYTES="1")
    logs = s.client("logs")
    logs.create_log_group(logGroupName="/g")
    logs.create_log_stream(logGroupName="/g", logStreamName="s")
    for i in range(30):
        put(logs, "/g", "s", *["%03d" % i + "x" * 10000] * 10)
    events = sum(read(logs, "/g", "s", True), [])
    assert sum(map(len, events)) <= 1 << 20
    assert events[-1].startswith("029") and len(events) > 20
