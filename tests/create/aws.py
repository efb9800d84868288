"""A small stand-in for Lambda's control plane and ECR's: it keeps what it is told and fails on demand."""
import base64
import json
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support.registry import opener


class Aws:
    def __init__(self, registry):
        self.registry = registry
        self.functions = {}     # name -> body of CreateFunction
        self.tags = {}          # ARN -> tags
        self.repositories = set()
        self.calls = []
        self.fail = {}          # operation -> (status, type, text)
        self.fail_once = {}     # the same for the next call alone
        self.states = []        # (State, StateReason) that GetFunction tells, one after the other; then Active
        self.hold = {}          # operation -> event that its answer waits for
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, headers, reply = owner.handle(self.command, self.path, self.headers, body)
                data = b"" if reply is None else json.dumps(reply).encode()
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(data)))
                try:
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:
                    pass

            do_GET = do_POST = do_DELETE = do_PUT = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.endpoint = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    @staticmethod
    def error(status, kind, text):
        return status, {"x-amzn-ErrorType": kind, "Content-Type": "application/json"}, {"__type": kind, "message": text, "Type": "User"}

    @staticmethod
    def arn(name):
        return "arn:aws:lambda:us-east-1:000000000000:function:" + name

    def operation(self, method, path, headers):
        target = headers.get("X-Amz-Target")
        if target:
            return target.rsplit(".", 1)[1]
        path = path.partition("?")[0]
        for pattern, verb, name in ((r"/2015-03-31/functions/?$", "POST", "CreateFunction"), (r"/2015-03-31/functions/?$", "GET", "ListFunctions"),
                                    (r"/2015-03-31/functions/[^/]+$", "DELETE", "DeleteFunction"), (r"/2015-03-31/functions/[^/]+$", "GET", "GetFunction"), (r"/2017-03-31/tags/", "GET", "ListTags")):
            if method == verb and re.match(pattern, path):
                return name
        return "Unknown"

    def handle(self, method, path, headers, body):
        name = self.operation(method, path, headers)
        self.calls.append(name)
        if name in self.fail_once:
            return self.error(*self.fail_once.pop(name))
        if name in self.fail:
            return self.error(*self.fail[name])
        answer = self.do(name, path, body)
        if name in self.hold:
            self.hold[name].wait(30)
        return answer

    def do(self, name, path, body):
        last = urllib.parse.unquote(path.partition("?")[0].rsplit("/", 1)[1])
        body = json.loads(body) if body else {}
        return getattr(self, name)(last, body)

    def GetAuthorizationToken(self, _, __):
        token = base64.b64encode(b"AWS:password").decode()
        return 200, {}, {"authorizationData": [{"authorizationToken": token, "expiresAt": time.time() + 43200, "proxyEndpoint": "http://" + self.registry}]}

    def CreateRepository(self, _, body):
        name = body["repositoryName"]
        if name in self.repositories:
            return self.error(400, "RepositoryAlreadyExistsException", "exists")
        self.repositories.add(name)
        return 200, {}, {"repository": {"repositoryName": name}}

    def BatchDeleteImage(self, _, body):
        failures = []
        for image in body["imageIds"]:
            url = "http://%s/v2/%s/manifests/%s" % (self.registry, body["repositoryName"], image["imageDigest"])
            try:
                opener.open(urllib.request.Request(url, method="DELETE"), timeout=20).close()
            except urllib.error.HTTPError as e:
                assert e.code == 404, e
                failures.append({"imageId": image, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"})
        return 200, {}, {"imageIds": body["imageIds"], "failures": failures}

    def CreateFunction(self, _, body):
        name = body["FunctionName"]
        if name in self.functions:
            return self.error(409, "ResourceConflictException", "Function already exist: " + name)
        self.functions[name] = body
        self.tags[self.arn(name)] = body.get("Tags", {})
        return 201, {}, {"FunctionName": name, "FunctionArn": self.arn(name), "State": "Pending", "StateReasonCode": "Creating", "Description": body.get("Description", "")}

    def GetFunction(self, name, _):
        state, reason = self.states.pop(0) if self.states else ("Active", "")
        return 200, {}, {"Configuration": {"FunctionName": name, "State": state, "StateReason": reason}}

    def ListFunctions(self, _, __):
        return 200, {}, {"Functions": [{"FunctionName": n, "FunctionArn": self.arn(n), "Description": f.get("Description", "")} for n, f in self.functions.items()]}

    def ListTags(self, arn, _):
        return 200, {}, {"Tags": self.tags.get(arn, {})}

    def DeleteFunction(self, name, _):
        if self.functions.pop(name, None) is None:
            return self.error(404, "ResourceNotFoundException", "Function not found: " + name)
        return 204, {}, None

    def Unknown(self, last, _):
        return self.error(404, "UnknownOperationException", last)
