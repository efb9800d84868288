"""lib/aws against a server that checks every signature with botocore's own signer."""
import base64
import email.utils
import json
import os
import subprocess
import tempfile
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from support.places import BUILD

DRIVE = str(BUILD / "tests/aws/drive")
CREDENTIALS = Credentials("AKID", "SECRET", "TO/KEN==")


def signature_ok(handler, body):
    given = handler.headers["Authorization"]
    scope = given.split("Credential=")[1].split(",")[0].split("/")
    names = given.split("SignedHeaders=")[1].split(",")[0].split(";")
    assert {"host", "x-amz-date", "x-amz-security-token"} <= set(names)
    url = f"http://{handler.headers['Host']}{handler.path}"
    headers = {n: handler.headers[n] for n in names if n != "x-amz-security-token"}
    request = AWSRequest(handler.command, url, headers=headers, data=body)
    request.context["timestamp"] = handler.headers["X-Amz-Date"]
    auth = SigV4Auth(CREDENTIALS, scope[3], scope[2])
    request.headers["X-Amz-Security-Token"] = CREDENTIALS.token
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return given.endswith("Signature=" + auth.signature(text, request))


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = []
        self.answers = []
        self.bad = 0

    def handle_error(self, *args):
        pass  # clients that hang up are part of the tests


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        signed = not self.path.startswith("/latest/") and "lease" not in self.path and b"AssumeRole" not in body
        if signed and not signature_ok(self, body):
            self.server.bad += 1
        self.server.requests.append((self.command, self.path, dict(self.headers), body))
        status, headers, answer = self.server.answers.pop(0) if self.server.answers else (500, {}, b"")
        if status == 0:
            self.close_connection = True
            return
        self.send_response_only(status)
        self.send_header("Date", headers.pop("Date", email.utils.formatdate(usegmt=True)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any


class Aws(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()

    def drive(self, what, name, *answers, path="", credentials=None):
        self.server.answers = [(a[0], a[1], a[2] if isinstance(a[2], bytes) else json.dumps(a[2]).encode()) for a in answers]
        env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        env |= {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server.server_port}{path}", "AWS_REGION": "eu-west-1",
                "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}
        env |= credentials or {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "SECRET", "AWS_SESSION_TOKEN": "TO/KEN=="}
        out = subprocess.run([DRIVE, what, name], env=env, stdout=subprocess.PIPE, text=True, timeout=60).stdout
        self.assertEqual(self.server.bad, 0, "a signature was wrong")
        return out

    def test_create(self):
        out = self.drive("create", "", (201, {}, {"FunctionName": "skls-0", "State": "Pending"}))
        self.assertEqual(out, "state Pending\n")
        sent = json.loads(self.server.requests[0][3])
        self.assertEqual(sent["ImageConfig"], {"EntryPoint": ["/.sockerless/agent", "sh"], "WorkingDirectory": "/"})
        self.assertEqual(sent["VpcConfig"], {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]})
        self.assertEqual(sent["Environment"], {"Variables": {"AA": "b/c"}})
        self.assertEqual(sent["Architectures"], ["x86_64"])
        self.assertNotIn("Tags", sent)

    def test_create_is_not_repeated_after_500(self):
        out = self.drive("create", "", (500, {}, {}), (201, {}, {"FunctionName": "x"}))
        self.assertIn("error 502", out)
        self.assertEqual(len(self.server.requests), 1)

    def test_create_is_repeated_after_429(self):
        out = self.drive("create", "", (429, {"Retry-After": "1"}, {}), (201, {}, {"FunctionName": "x", "State": "Pending"}))
        self.assertEqual(out, "state Pending\n")

    def test_get_is_repeated(self):
        start = time.monotonic()
        out = self.drive("get", "a:b/c", (503, {}, {}), (429, {"Retry-After": "1"}, {}), (0, {}, b""),
                         (200, {}, {"Configuration": {"FunctionName": "f", "State": "Active", "StateReason": "r"}}))
        self.assertEqual(out, "state Active r\n")
        self.assertGreater(time.monotonic() - start, 1)
        self.assertEqual(self.server.requests[0][1], "/2015-03-31/functions/a%3Ab%2Fc")

    def test_prefix_of_endpoint(self):
        self.drive("get", "f", (200, {}, {"FunctionName": "f"}), path="/base/")
        self.assertEqual(self.server.requests[0][1], "/base/2015-03-31/functions/f")

    def test_not_found(self):
        answer = (404, {"x-amzn-ErrorType": "ResourceNotFoundException:http://x/"}, {"Message": "gone", "Type": "User"})
        self.assertEqual(self.drive("get", "f", answer), "error 404 Lambda: ResourceNotFoundException: gone\n")
        self.assertEqual(self.drive("delete", "f", answer), "")

    def test_clock(self):
        ahead = email.utils.formatdate(time.time() + 3600, usegmt=True)
        out = self.drive("get", "f", (403, {"Date": ahead, "x-amzn-ErrorType": "InvalidSignatureException"}, {}),
                         (200, {}, {"FunctionName": "f", "State": "Active"}))
        self.assertEqual(out, "state Active \n")
        self.assertNotEqual(self.server.requests[0][2]["x-amz-date"][:11], self.server.requests[1][2]["x-amz-date"][:11])

    def test_wrong_secret_is_not_repeated(self):
        self.drive("get", "f", (403, {"x-amzn-ErrorType": "InvalidSignatureException"}, {}), (200, {}, {"FunctionName": "f"}))
        self.assertEqual(len(self.server.requests), 1)

    def test_list(self):
        out = self.drive("list", "", (200, {}, {"Functions": [{"FunctionName": "a", "Description": "x"}], "NextMarker": "m/+="}),
                         (200, {}, {"Functions": [{"FunctionName": "b"}], "NextMarker": None}))
        self.assertEqual(out, "function a x\nfunction b \n")
        self.assertEqual(self.server.requests[1][1], "/2015-03-31/functions?MaxItems=50&Marker=m%2F%2B%3D")

    def test_tags(self):
        out = self.drive("tags", "arn:aws:lambda:eu-west-1:1:function:f", (200, {}, {"Tags": {"k": "v"}}))
        self.assertEqual(out, 'tags {"k":"v"}\n')
        self.assertEqual(self.server.requests[0][1], "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aeu-west-1%3A1%3Afunction%3Af")

    def test_invoke(self):
        log = base64.b64encode(b"REPORT RequestId: q\tDuration: 1 ms\tBilled Duration: 7 ms\n").decode()
        out = self.drive("invoke", "f", (200, {"X-Amz-Log-Result": log, "x-amzn-RequestId": "q", "X-Amz-Function-Error": "Unhandled"},
                                         {"errorType": "Runtime.ExitError"}))
        self.assertEqual(out, 'sent 1\npayload {"errorType": "Runtime.ExitError"} failed 1 type Runtime.ExitError billed 7\n')
        headers = self.server.requests[0][2]
        self.assertEqual(headers["x-amz-log-type"], "Tail")
        self.assertEqual(headers["content-type"], "application/json")

    def test_invoke_is_never_repeated(self):
        for answer in (500, {}, {}), (429, {}, {}), (0, {}, b""):
            self.server.requests.clear()
            out = self.drive("invoke", "f", answer, (200, {}, {}))
            self.assertIn("error", out)
            self.assertEqual(len(self.server.requests), 1)

    def test_large_reply(self):
        out = self.drive("get", "f", (200, {}, b"x" * (9 << 20)))
        self.assertIn("too large", out)

    def test_deep_reply(self):
        self.assertIn("error 502", self.drive("get", "f", (200, {}, b"[" * 100000)))

    def test_refused_connection(self):
        # Its thread waits on the socket, which takes connections as long as it does.
        self.server.shutdown()
        self.server.server_close()
        out = self.drive("invoke", "f")
        self.assertIn("sent 0\nerror 503", out)

    KEYS = {"AccessKeyId": "AKID", "SecretAccessKey": "SECRET", "Token": "TO/KEN==", "Expiration": "2099-01-01T00:00:00Z"}

    def test_container_credentials(self):
        url = f"http://127.0.0.1:{self.server.server_port}/lease"
        out = self.drive("get", "f", (200, {}, self.KEYS), (200, {}, {"FunctionName": "f", "State": "Active"}),
                         credentials={"AWS_CONTAINER_CREDENTIALS_FULL_URI": url, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "tok"})
        self.assertEqual(out, "state Active \n")
        self.assertEqual(self.server.requests[0][2]["Authorization"], "tok")

    def test_instance_credentials(self):
        url = f"http://127.0.0.1:{self.server.server_port}"
        out = self.drive("get", "f", (200, {}, b"imds-token"), (200, {}, b"role\n"), (200, {}, self.KEYS),
                         (200, {}, {"FunctionName": "f", "State": "Active"}), credentials={"AWS_EC2_METADATA_SERVICE_ENDPOINT": url})
        self.assertEqual(out, "state Active \n")
        self.assertEqual([r[0] for r in self.server.requests], ["PUT", "GET", "GET", "GET"])
        self.assertEqual(self.server.requests[2][1], "/latest/meta-data/iam/security-credentials/role")
        self.assertEqual(self.server.requests[2][2]["X-aws-ec2-metadata-token"], "imds-token")

    def test_web_identity(self):
        xml = (b"<R><Credentials><AccessKeyId>AKID</AccessKeyId><SecretAccessKey>SECRET</SecretAccessKey>"
               b"<SessionToken>TO/KEN==</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></R>")
        with tempfile.NamedTemporaryFile() as token:
            token.write(b"web+token\n")
            token.flush()
            env = {"AWS_WEB_IDENTITY_TOKEN_FILE": token.name, "AWS_ROLE_ARN": "arn:aws:iam::1:role/r"}
            out = self.drive("get", "f", (200, {}, xml), (200, {}, {"FunctionName": "f", "State": "Active"}), credentials=env)
            self.assertEqual(out, "state Active \n")
            self.assertEqual(self.server.requests[0][3], b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1"
                             b"%3Arole%2Fr&RoleSessionName=sockerless&WebIdentityToken=web%2Btoken")
            out = self.drive("get", "f", (403, {}, b"<E><Message>no such role</Message></E>"), credentials=env)
            self.assertEqual(out, "error 401 AWS credentials by web identity: no such role\n")

    def test_bad_lease(self):
        out = self.drive("get", "f", (403, {}, b""), credentials={
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self.server.server_port}/lease"})
        self.assertIn("error 401", out)

    def test_invoke_is_not_repeated_on_a_kept_connection(self):
        out = self.drive("invoke-after-get", "f", (200, {}, {"FunctionName": "f"}), (0, {}, b""), (200, {}, {}))
        self.assertIn("error 503", out)
        self.assertEqual([r[0] for r in self.server.requests], ["GET", "POST"])

    def test_logs(self):
        out = self.drive("logs", "", (200, {}, {"events": [{"timestamp": 5, "message": "a\nb"}], "nextForwardToken": "t1"}),
                         (200, {}, {"events": [], "nextForwardToken": "t2"}),
                         (200, {}, {"events": [{"timestamp": 6, "message": 7}], "nextForwardToken": "t2"}))
        self.assertEqual(out, "event 5 a\nb\nend\n")
        self.assertEqual(self.server.requests[0][2]["x-amz-target"], "Logs_20140328.GetLogEvents")

    def test_delete_group(self):
        self.assertEqual(self.drive("delete-group", "g", (400, {}, {"__type": "ResourceNotFoundException"})), "")

    def test_ecr(self):
        token = base64.b64encode(b"AWS:pass:word").decode()
        out = self.drive("ecr", "", (400, {}, {"__type": "RepositoryAlreadyExistsException"}), (200, {}, {"authorizationData": [
            {"authorizationToken": token, "expiresAt": 1.7e9, "proxyEndpoint": "http://127.0.0.1:5"}]}))
        self.assertEqual(out, "ecr http://127.0.0.1:5 127.0.0.1:5 AWS pass:word 1700000000\n")
