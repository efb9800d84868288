#!/usr/bin/python3
"""Where an answer differs from dockerd's and stays so; doc/COMPATIBILITY.md is made from this table.

usage: differences.py > doc/COMPATIBILITY.md
"""

# (where, what dockerd answers, what is answered here, why)
DIFFERENCES = [
    ("every reply", "`Server: Docker/<version>`", "`Server: sockerless/<version>`", "the service says what it is; no client that we know decides by it"),
    ("every reply", "`Api-Version` of its own", "1.47; asked for in the path: 1.24 to 1.47", "older clients than those of Docker 1.12 aren't served"),
    ("every reply", "`Transfer-Encoding: chunked` for bodies above 2 kB, `Content-Length` below", "by route: what is made on the way is chunked", "HTTP clients treat both alike"),
    ("every reply", "`HTTP/1.0` to a request of HTTP/1.0", "`HTTP/1.1`, and the connection is closed", "nginx's way; HTTP allows it"),
    ("every reply", "a redirect's `Date` and `Content-Length` alone", "the usual headers beside them", "nginx adds them; clients ignore them"),
    ("`/_ping`", "`Builder-Version: 2`", "`Builder-Version: 1`", "BuildKit isn't served: a client without buildx takes the classic builder"),
    ("`/session`, `/grpc`", "a hijacked connection", "501", "BuildKit isn't served: set `DOCKER_BUILDKIT=0`"),
    ("`/version`", "containerd, runc, docker-init among `Components`", "the engine alone", "there are none"),
    ("`/info`", "the machine's kernel, storage driver, runtimes, security options", "`lambda`, `AWS Lambda`, settings for CPUs and memory", "Lambda has no machine of which to tell"),
    ("`/info`", "log and network drivers", "`json-file`; bridge, host, null", "others aren't served"),
    ("create", "a container without an image", "400, not supported", "a Lambda function needs an image"),
    ("create", "privileged, devices, the host's namespaces, bind mounts of the host's paths, `VolumesFrom`, links", "400, not supported", "Lambda has no host to which a function has access"),
    ("create", "no warning for DNS, ulimits, sysctls, capabilities, published ports and the like", "a warning for each that is asked for and has no effect", "Lambda sets them"),
    ("create", "a user named in the request is the process's uid", "a warning; the uid is Lambda's", "Lambda runs every process as its own unprivileged user"),
    ("create", "a platform of another architecture runs by emulation", "404 unless there is an agent for it (`--with-other-agent`): its functions then have that architecture", "Lambda emulates none, and has x86_64 and arm64"),
    ("create with `Tmpfs`", "a tmpfs is mounted", "a writable directory on the function's /tmp, and a warning", "nothing can be mounted in a function"),
    ("inspect", "paths of `resolv.conf`, `hostname`, `hosts`, the log", "empty", "there are no such files on this machine"),
    ("inspect", "`Driver` and `GraphDriver` with directories", "`lambda`, no data", "layers are kept by Lambda"),
    ("inspect, networks", "addresses, gateway, MAC address, sandbox of a running container; the subnet that a network without IPAM's `Config` gets", "empty", "Lambda gives a function no address under which others reach it"),
    ("list", "`EndpointID` of a running container on bridge", "empty; inspect and the network have it", "it is no part of the row, and the list makes nothing for each container"),
    ("inspect, list", "`NetworkID` of a created container is empty until its start", "the network's id from the beginning", "the membership is known from the beginning"),
    ("inspect", "`State.Pid` on the host", "the pid in the function", "the host is Lambda's"),
    ("list, inspect", "published ports with the host's address and port", "the exposed port alone", "nothing can connect to a function"),
    ("list", "filter `ancestor` knows the images that were committed or built from one", "containers of the image itself alone", "images have no parents here"),
    ("list", "a volume's `Source` is empty for anonymous ones", "the same path as in inspect", "an inconsistency that no client needs"),
    ("list", "`Ports`, `Mounts` in an order that changes", "in the order in which they were asked for", "any order is right"),
    ("top", "host's uids and pids", "those in the function", "the host is Lambda's"),
    ("top", "every argument of ps", "`-ef`, `aux`, `ax`, `-e`, `-o` with its usual columns; 400 for others", "an image needn't hold a ps; the agent reads /proc"),
    ("stats", "counters of cgroups", "sums over the container's processes; of block I/O the bytes read and written, whatever the device; `memory_stats.stats` with `anon` and `inactive_file` alone; interfaces by the function's names", "a function can't read its cgroup"),
    ("inspect", "`State.OOMKilled`: the kernel killed in the container's cgroup", "the main process ended by SIGKILL and the function's kernel has killed for want of memory since it began; under the local Lambda that kernel is all containers'", "a function can't read its cgroup"),
    ("update", "memory and CPUs of a running container", "501, not supported; of one that doesn't run they are changed", "they are fixed while a Lambda function runs"),
    ("events", "`stop` comes before or after `die`", "after", "dockerd tells them from two threads"),
    ("logs", "`--log-opt tag` takes any of Go's templates; `{{.Name}}` in it is the name when the run began", "the fields of an id, a name or an image; 400, not supported, for others; the name of now", "there is no Go here; the text is made when it is read"),
    ("logs", "`mode=non-blocking` drops output that isn't taken in", "a warning; nothing is dropped", "the program waits for the spool, which is fast"),
    ("logs", "`labels-regex` and `env-regex` by Go's regexp", "by PCRE2 with limits: 400 at create for what it can't read, 501 from `logs --details` for what takes too long", "expressions come from clients"),
    ("archive PUT", "`copyUIDGID` gives the files to the container's user", "accepted without effect: files belong to whom the archive says, those that a run can write to Lambda's user", "dockerd looks the user up on its own machine; Lambda runs every process as its own unprivileged user"),
    ("export", "`.dockerenv` and empty files that dockerd mounts over (`etc/hosts`, `etc/hostname`, `dev/console`)", "the image's files and the container's", "nothing is mounted over them"),
    ("the main process", "is process 1 of its namespace: `kill 1` inside means it", "has another pid, `State.Pid`; 1 is the function's own", "Lambda permits no pid namespace"),
    ("Ctrl-C, Ctrl-\\ in a terminal, without `--init`", "nothing happens to a main process that has no handler for the signal: it is process 1 of its namespace", "it ends (130, 131), as with `--init`",
     "Lambda permits no pid namespace. Signals of stop and kill are withheld as dockerd's are; a terminal's come from the kernel. Were they ignored from the start, children would inherit that, and Python would never see one"),
    ("stop, kill, `rm -f` without a connected agent", "the process ends", "204 after the grace time; `State.Error` says until when the run may go on", "Lambda has no call that ends an invocation"),
    ("a run longer than the function's limit", "goes on", "SIGTERM, SIGKILL; `State.Error` says so", "Lambda ends an invocation after 15 minutes at most"),
    ("events", "the last 256 since dockerd began", "those of `SOCKERLESS_EVENT_RETENTION` (a day)", "they stand in the store, and a restart loses none"),
    ("events of a build", "each step's container: create, start, die, destroy, commit", "the image's `tag` alone", "steps are no containers here"),
    ("events of commit", "`pause` before the files are read, `unpause` at the end", "both with `commit`", "the agent stops the processes for as long as it packs; a commit that fails tells neither"),
    ("exec", "`Privileged`", "400, not supported", "a function has no privileges to give"),
    ("exec", "`Running` ends with the process, what it left in the background may hold the output for 2 s more", "ends with the output", "the agent tells both in one message"),
    ("networks", "drivers macvlan, ipvlan, overlay, plugins", "404, as dockerd without the plugin", "they need a machine's interfaces"),
    ("volumes", "drivers of plugins", "404, as dockerd without the plugin", "plugins can't be loaded into a function"),
    ("`/plugins/...`", "installs and runs plugins", "an empty list; 404 for each name; 501 for installing one", "plugins can't be loaded into a function"),
    ("`/swarm/init`, `/swarm/join`", "makes a swarm", "501, not supported", "there is no node to join; all other swarm routes answer as dockerd outside of a swarm"),
    ("images", "`Size` of the unpacked layers", "of the layers as they are in the registry, compressed", "layers stay packed here"),
    ("image inspect, list", "`Parent`, `ParentId`, `Container`, `ContainerConfig`, `Config.Image` of images that were built or committed; `DockerVersion`", "empty, but for the `Container` of a commit", "no step of a build is an image of its own; clients of API 1.45 and later get none of them but `Parent`"),
    ("image references", "`repository name must be lowercase` (24), `repository name (library/X) must be lowercase` (27)", "as 27", "the API is that of 27"),
    ("rmi", "`noprune=1` keeps the parents without a name", "accepted, changes nothing", "images have no parents here"),
    ("save, load, push of several platforms", "chosen by `platform`", "another platform than the image's is refused: 404 from save, an error in the stream from load and push", "an image is kept for one platform"),
    ("build", "a line break of the stream is an object of its own; `Running in <container>`", "the same text in fewer objects; `Running in` names a place of the build", "clients print what they get"),
    ("builder prune", "drops parts of the cache, by their last use (`until`), by id or kind; `all` also those that images share", "all of the cache or, if a build used it since `until`, none; `all` changes nothing, `CachesDeleted` is null", "buildah's layers don't say when they were used; images don't need them, they are in the registry"),
    ("errors of the HTTP layer", "Go's plain text for what is no HTTP", "nginx's status with Docker's JSON", "nginx parses the requests"),
]

HEAD = """# Where answers differ from dockerd's

Made by `tests/conform/differences.py` from its table; a test fails when this file is older. Everything that isn't named here
is meant to be answered as dockerd answers it: status, headers that clients read, bodies, error texts. `tests/conform/` compares. Calls
that aren't served answer 501 with a reason; [MAPPING.md](MAPPING.md) has a row for each call.

| where | dockerd | here | why |
|---|---|---|---|
"""


def page():
    return HEAD + "".join("| %s |\n" % " | ".join(row) for row in DIFFERENCES)


if __name__ == "__main__":
    print(page(), end="")
