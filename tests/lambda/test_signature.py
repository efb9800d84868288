"""Signature Version 4: boto3 signs, so what passes is right; what is changed after signing must fail."""
import datetime
import http.client
import re
import socket
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from conftest import KEY_ID, REGION, SECRET, error_of

PATH = "/2015-03-31/functions"


def signed(service, method="GET", path=PATH, body=b"", headers=None, name="lambda", region=REGION, when=None, key_id=KEY_ID, secret=SECRET):
    """A request as botocore signs it, at a time of our choice."""
    request = botocore.awsrequest.AWSRequest(method=method, url=service.endpoint + path, data=body, headers=headers or {})
    auth = botocore.auth.SigV4Auth(botocore.credentials.Credentials(key_id, secret), name, region)
    if when:
        request.context["timestamp"] = when.strftime("%Y%m%dT%H%M%SZ")
        request.headers["X-Amz-Date"] = request.context["timestamp"]
        auth._inject_signature_to_request(request, auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request))
    else:
        auth.add_auth(request)
    return request.prepare()


def send(service, prepared, headers=None, path=None, body=None):
    url = urllib.parse.urlsplit(service.endpoint)
    wire = urllib.parse.urlsplit(prepared.url)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
    target = path or wire.path + ("?" + wire.query if wire.query else "")
    connection.request(prepared.method, target, body if body is not None else prepared.body or b"", dict(prepared.headers) | (headers or {}))
    reply = connection.getresponse()
    data = reply.read()
    connection.close()
    return reply, data


def refused(service, prepared, status, kind, text, **more):
    reply, data = send(service, prepared, **more)
    assert reply.status == status, data
    assert reply.headers["x-amzn-ErrorType"] == kind
    assert re.search(text, data.decode()), data
    assert reply.headers["Date"] and reply.headers["x-amzn-RequestId"]


def test_good(service):
    reply, data = send(service, signed(service))
    assert reply.status == 200, data


@pytest.mark.parametrize("query", ["?MaxItems=5", "?Marker=b&MaxItems=3", "?MaxItems=3&Marker=b", "?MaxItems=1&Marker=", "?a=%2F%20x&MaxItems=2",
                                   "?A=1&a=1&MaxItems=1&AB=2&A-=3"])
def test_queries(service, query):
    reply, data = send(service, signed(service, path=PATH + query))
    assert reply.status in (200, 400) and b"ignature" not in data, data


def test_no_signature(service):
    url = urllib.parse.urlsplit(service.endpoint)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
    connection.request("GET", PATH)
    reply = connection.getresponse()
    assert reply.status == 403
    assert reply.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"


def test_wrong_secret(service):
    status, code, message = error_of(service.client("lambda", secret="wrong").list_functions)
    assert (status, code) == (403, "InvalidSignatureException")
    assert message.startswith("The request signature we calculated does not match the signature you provided.")


def test_wrong_key(service):
    status, code, _ = error_of(service.client("lambda", key_id="AKIASOMEONEELSE00000").list_functions)
    assert (status, code) == (403, "UnrecognizedClientException")


def test_token_that_nobody_issued(service):
    status, code, _ = error_of(service.client("lambda", aws_session_token="t").list_functions)
    assert (status, code) == (403, "UnrecognizedClientException")


def test_session_token(own_service):
    s = own_service(token="the/token+==")
    assert s.client("lambda").list_functions()["Functions"] == []
    assert error_of(s.client("lambda", aws_session_token="another").list_functions)[1] == "UnrecognizedClientException"
    assert error_of(s.client("lambda", aws_session_token=None).list_functions)[1] == "UnrecognizedClientException"


def test_wrong_region(service):
    status, code, message = error_of(service.client("lambda", region="eu-west-1").list_functions)
    assert (status, code) == (403, "InvalidSignatureException") and "region" in message


def test_wrong_service(service):
    refused(service, signed(service, name="s3"), 403, "InvalidSignatureException", "correct service: 'lambda'")


@pytest.mark.parametrize("minutes,good", [(-4, True), (4, True), (-6, False), (6, False), (-60 * 24, False)])
def test_date(service, minutes, good):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    prepared = signed(service, when=when)
    if good:
        assert send(service, prepared)[0].status == 200
    else:
        refused(service, prepared, 403, "InvalidSignatureException", "Signature (expired|not yet current)")


def test_changed_after_signing(service):
    body = b'{"Tags":{"a":"b"}}'
    path = "/2017-03-31/tags/" + urllib.parse.quote("arn:aws:lambda:us-east-1:000000000000:function:nobody", safe="")
    prepared = signed(service, "POST", path, body)
    assert send(service, prepared)[0].status == 404
    mismatch = "does not match the signature"
    refused(service, prepared, 403, "InvalidSignatureException", mismatch, body=b'{"Tags":{"a":"c"}}')
    refused(service, prepared, 403, "InvalidSignatureException", mismatch, path=path + "x")
    refused(service, prepared, 403, "InvalidSignatureException", mismatch, path=path + "?x=1")
    refused(service, prepared, 403, "InvalidSignatureException", mismatch, headers={"Host": "elsewhere"})
    refused(service, prepared, 403, "InvalidSignatureException", "must be a 'SignedHeader'", headers={"X-Amz-Tenant-Id": "x"})
    refused(service, prepared, 403, "InvalidSignatureException", "x-amz-content-sha256|SignedHeader", headers={"X-Amz-Content-Sha256": "0" * 64})


@pytest.mark.parametrize("header", ids=range(6), argvalues=["", "Basic QVdTOng=", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b/c/d, SignedHeaders=host, Signature=x",
                                    "AWS4-HMAC-SHA256 Credential=" + "/" * 5000 + ", SignedHeaders=, Signature=",
                                    f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20200101/us-east-1/lambda/aws4_request, SignedHeaders=;;;, Signature=" + "0" * 64])
def test_broken_header(service, header):
    prepared = signed(service)
    reply, _ = send(service, prepared, headers={"Authorization": header})
    assert reply.status == 403


def test_json11_errors_are_400(service):
    for name, call in (("logs", "describe_log_groups"), ("ecr", "describe_repositories")):
        status, code, _ = error_of(getattr(service.client(name, secret="wrong"), call))
        assert (status, code) == (400, "InvalidSignatureException")


def test_too_many_headers(service):
    prepared = signed(service)
    reply, _ = send(service, prepared, headers={f"x-{i}": "y" for i in range(100)})
    assert reply.status == 431


def test_garbage_doesnt_end_it(service):
    url = urllib.parse.urlsplit(service.endpoint)
    for data in (b"\0" * 1000, b"GET / HTTP/1.1\r\n" + b"a" * 200000, b"POST /%zz HTTP/1.1\r\nContent-Length: -1\r\n\r\n"):
        with socket.create_connection((url.hostname, url.port), 30) as s:
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                s.recv(1000)
            except OSError:
                pass
    assert service.process.poll() is None
    test_good(service)
