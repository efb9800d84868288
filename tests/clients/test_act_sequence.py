"""What act does with a job, without its bind of docker.sock, which is refused; and GitHub's own runner with a job that names a container."""
import json

from raw_api import Api

KEEP_ALIVE = {"Image": "busybox", "Entrypoint": ["tail", "-f", "/dev/null"], "Cmd": None, "WorkingDir": "/home/runner/work/project",
              "Env": ["RUNNER_TOOL_CACHE=/opt/hostedtoolcache", "RUNNER_OS=Linux", "RUNNER_TEMP=/tmp"],
              "HostConfig": {"Binds": None, "Mounts": [{"Type": "volume", "Source": "act-toolcache", "Target": "/opt/hostedtoolcache"},
                                                       {"Type": "volume", "Source": "act-job-env", "Target": "/var/run/act"}]}}


def test_job_of_act(docker):
    api = Api(docker)
    api.json("GET", "/images/busybox/json")
    refused = json.loads(json.dumps(KEEP_ALIVE))
    refused["HostConfig"]["Binds"] = ["/var/run/docker.sock:/var/run/docker.sock"]
    status, body = api.call("POST", "/containers/create?name=act-refused", refused)
    assert status == 400 and b"not supported" in body
    job = api.json("POST", "/containers/create?name=act-job", KEEP_ALIVE, 201)["Id"]
    api.json("POST", "/containers/%s/start" % job, status=204)
    assert api.json("GET", "/containers/%s/json" % job)["State"]["Running"]

    # A directory that isn't there is made with a tar at the root, as `docker cp` can't make one.
    assert api.put(job, "/tmp/act/workflow", {"0": b"x"}) == 404
    assert api.put(job, "/", {"tmp/act/": None, "tmp/act/workflow/": None, "var/run/act/": None}) == 200
    assert api.put(job, "/var/run/act", {"event.json": b"{}", "envs.txt": b"", "pathcmd.txt": b""}) == 200
    script = b'pwd\necho "$GREETING" >&2\necho "answer=42" >> "$GITHUB_ENV"\nexit 5\n'
    assert api.put(job, "/tmp/act/workflow", {"0": script}) == 200
    code, out, err = api.exec(job, ["sh", "-e", "/tmp/act/workflow/0"], WorkingDir="/home/runner/work/project",
                              Env=["GREETING=hello", "GITHUB_ENV=/var/run/act/envs.txt"], User="")
    assert (code, err) == (5, b"hello\n") and out.strip()
    assert api.get(job, "/var/run/act/envs.txt") == {"envs.txt": b"answer=42\n"}
    assert api.get(job, "/tmp/act/workflow")["workflow/0"] == script
    api.json("DELETE", "/containers/%s?v=1&force=1" % job, status=204)
    for name in ("act-toolcache", "act-job-env"):
        api.json("DELETE", "/volumes/%s?force=1" % name, status=204)


def test_job_of_the_actions_runner(docker):
    docker.ok("version", "--format", "{{.Server.APIVersion}}")
    label, network = "f9a2c1", "github_network_41d5"
    assert docker.ok("ps", "--all", "--quiet", "--no-trunc", "--filter", "label=" + label) == ""
    docker.ok("network", "prune", "--force", "--filter", "label=" + label)
    docker.ok("network", "create", "--label", label, network)
    job = docker.ok("create", "--name", "job_busybox", "--label", label, "--workdir", "/__w/project/project", "--network", network,
                    "-e", "HOME=/github/home", "-e", "GITHUB_ACTIONS=true", "-e", "CI=true", "--entrypoint", "tail", "busybox", "-f", "/dev/null")
    docker.ok("start", job)
    assert job in docker.ok("ps", "--all", "--filter", "id=" + job, "--filter", "status=running", "--no-trunc", "--format", "{{.ID}} {{.Status}}")
    assert "CI=true" in docker.ok("inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}", job).split("\n")
    step = docker.docker("exec", "-i", "--workdir", "/__w/project/project", "-e", "GITHUB_JOB=build", job, "sh", "-e", "-c",
                         "cat; echo $GITHUB_JOB $HOME; echo made > file; cat file; exit 9", input="from stdin\n")
    assert (step.returncode, step.stdout) == (9, "from stdin\nbuild /github/home\nmade\n"), step.stderr
    docker.ok("rm", "--force", job)
    docker.ok("network", "rm", network)
