/* The body of POST /containers/create: field table, rules, merge, plan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fcgi/create.h"
#include "fcgi/create_parse.h"
#include "fcgi/create_writable.h"
#include "lib/buf.h"
#include "lib/docker/names.h"
#include "lib/docker/size.h"
#include "lib/json.h"

#define ID "2dac9a0e3a37d28feeac9e2b7cc5397573007536fc4c0abc3148873874b514eb"

static struct json_object *parse(const char *text)
{
	struct err e = { 0 };
	struct json_object *o = NULL;

	if (json_parse(text, strlen(text), &o, &e) < 0)
		fail_msg("%s: %s", text, e.text);
	return o;
}

static int check(const char *body, struct create *c, struct err *e)
{
	CLEANUP_JSON struct json_object *o = parse(body);

	memset(c, 0, sizeof *c);
	memset(e, 0, sizeof *e);
	return create_check(o, c, e);
}

/* Body, the error's text (NULL: none) and how many warnings. */
static const struct {
	const char *body;
	const char *error;
	size_t warnings;
} cases[] = {
	{ "{\"Image\":5}", "invalid JSON: json: cannot unmarshal number into Go struct field ContainerConfigWrapper.Image of type string", 0 },
	{ "{\"Cmd\":{}}", "invalid JSON: json: cannot unmarshal object into Go struct field ContainerConfigWrapper.Cmd of type []string", 0 },
	{ "{\"Cmd\":\"ls\"}", NULL, 0 },
	{ "{\"Cmd\":[\"ls\"],\"env\":[\"A=1\"]}", NULL, 0 },
	{ "{\"HostConfig\":5}", "invalid JSON: json: cannot unmarshal number into Go struct field ContainerConfigWrapper.HostConfig of type container.HostConfig", 0 },
	{ "{\"HostConfig\":{\"Memory\":\"1\"}}", "invalid JSON: json: cannot unmarshal string into Go struct field HostConfig.HostConfig.Memory of type int64", 0 },
	{ "{\"HostConfig\":{\"Memory\":1024}}", "Minimum memory limit allowed is 6MB", 0 },
	{ "{\"HostConfig\":{\"Memory\":67108864}}", NULL, 0 },
	{ "{\"HostConfig\":{\"Memory\":1099511627776}}", "Memory of 1048576 MB is not supported: a Lambda function has 10240 MB at most", 0 },
	{ "{\"HostConfig\":{\"Memory\":9223372036854775807}}", "Memory of 8796093022208 MB is not supported", 0 },
	{ "{\"HostConfig\":{\"Memory\":1180591620717411303424}}", "cannot unmarshal number", 0 },
	{ "{\"HostConfig\":{\"StorageOpt\":{\"size\":null}}}", "invalid size: ''", 0 },
	{ "{\"HostConfig\":{\"ConsoleSize\":[-1,2]}}", "cannot unmarshal number", 0 },
	{ "{\"Healthcheck\":{\"Test\":1}}", "Healthcheck.Test", 0 },
	{ "{\"Healthcheck\":{\"test\":[1]}}", "Healthcheck.Test", 0 },
	{ "{\"Healthcheck\":{\"Interval\":\"x\"}}", "Healthcheck.Interval", 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Config\":{\"a\":1}}}}", "LogConfig.Config", 0 },
	{ "{\"HostConfig\":{\"RestartPolicy\":{\"Name\":7}}}", "RestartPolicy.Name", 0 },
	{ "{\"HostConfig\":{\"Ulimits\":[{\"Name\":\"x\",\"Soft\":\"y\"}]}}", "Ulimits.Soft", 0 },
	{ "{\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[{\"HostPort\":80}]}}}", "PortBindings.HostPort", 0 },
	{ "{\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[7]}}}", "PortBindings holds what is no object", 0 },
	{ "{\"HostConfig\":{\"Memory\":67108864,\"MemorySwap\":6291456}}", "Minimum memoryswap limit should be larger than memory limit, see usage", 0 },
	{ "{\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"foo\"}}}", "invalid restart policy 'foo'", 0 },
	{ "{\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"always\"}}}", NULL, 0 },
	{ "{\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"no\",\"MaximumRetryCount\":0}}}", NULL, 0 },
	{ "{\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"always\"},\"AutoRemove\":true}}", "can't create 'AutoRemove' container with restart policy", 0 },
	{ "{\"HostConfig\":{\"Binds\":[\"/a:b:c:d\"]}}", "invalid volume specification: '/a:b:c:d'", 0 },
	{ "{\"HostConfig\":{\"Binds\":[\"/var/run/docker.sock:/x\"]}}", "not supported", 0 },
	{ "{\"HostConfig\":{\"Binds\":[\"vol:/x\"]}}", NULL, 1 },
	{ "{\"HostConfig\":{\"Binds\":[\"/x\"]}}", NULL, 1 },
	{ "{\"HostConfig\":{\"Binds\":[\"vol:x\"]}}", "mount path must be absolute", 0 },
	{ "{\"HostConfig\":{\"Binds\":[\"v!l:/x\"]}}", "includes invalid characters for a local volume name", 0 },
	{ "{\"HostConfig\":{\"Binds\":[\"vol:/x:odd\"]}}", "invalid mode: odd", 0 },
	{ "{\"HostConfig\":{\"Binds\":[\"vol:/x\",\"other:/x\"]}}", "Duplicate mount point: /x", 0 },
	{ "{\"HostConfig\":{\"Mounts\":[{\"Type\":\"volume\",\"Source\":\"vol\",\"Target\":\"/b\"}]}}", NULL, 1 },
	{ "{\"HostConfig\":{\"Mounts\":[{\"Type\":\"volume\",\"Target\":\"/\"}]}}", "destination can't be '/'", 0 },
	{ "{\"HostConfig\":{\"Binds\":[]}}", NULL, 0 },
	{ "{\"Volumes\":{\"/x\":{}}}", NULL, 0 },
	{ "{\"Volumes\":{}}", NULL, 0 },
	{ "{\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/a\",\"Target\":\"/b\"}]}}", "not supported", 0 },
	{ "{\"HostConfig\":{\"Mounts\":[{\"Type\":\"tmpfs\",\"Target\":\"/b\"}]}}", NULL, 1 },
	{ "{\"HostConfig\":{\"Mounts\":[{\"Type\":\"odd\",\"Target\":\"/b\"}]}}", "invalid mount config for type \"odd\": mount type unknown", 0 },
	{ "{\"HostConfig\":{\"Privileged\":true}}", "not supported", 0 },
	{ "{\"HostConfig\":{\"PidMode\":\"host\"}}", "not supported", 0 },
	{ "{\"HostConfig\":{\"IpcMode\":\"host\"}}", "not supported", 0 },
	{ "{\"HostConfig\":{\"IpcMode\":\"private\"}}", NULL, 0 },
	{ "{\"HostConfig\":{\"UTSMode\":\"host\"}}", "not supported", 0 },
	{ "{\"HostConfig\":{\"UsernsMode\":\"host\"}}", "not supported", 0 },
	{ "{\"HostConfig\":{\"NetworkMode\":\"host\"}}", "not supported", 0 },
	{ "{\"HostConfig\":{\"NetworkMode\":\"container:x\"}}", "not supported", 0 },
	{ "{\"HostConfig\":{\"NetworkMode\":\"nosuchnet\"}}", NULL, 1 },
	{ "{\"HostConfig\":{\"Devices\":[{\"PathOnHost\":\"/dev/kvm\"}]}}", "not supported", 0 },
	{ "{\"HostConfig\":{\"DeviceRequests\":[{\"Count\":1}]}}", "not supported", 0 },
	{ "{\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"8080\"}]}}}", NULL, 1 },
	{ "{\"HostConfig\":{\"PortBindings\":{\"xx/tcp\":[]}}}", "invalid port specification: \"xx\"", 0 },
	{ "{\"ExposedPorts\":{\"xx/tcp\":{}}}", NULL, 0 },
	{ "{\"HostConfig\":{\"StorageOpt\":{\"size\":\"2G\"}}}", NULL, 0 },
	{ "{\"HostConfig\":{\"StorageOpt\":{\"size\":\"20G\"}}}", "not supported", 0 },
	{ "{\"WorkingDir\":\"x\"}", "the working directory 'x' is invalid, it needs to be an absolute path", 0 },
	{ "{\"StopSignal\":\"FOO\"}", "invalid signal: FOO", 0 },
	{ "{\"Env\":[\"=x\"]}", "invalid environment variable: =x", 0 },
	{ "{\"Env\":[5]}", "invalid JSON: json: cannot unmarshal number into Go struct field ContainerConfigWrapper.Env of type string", 0 },
	{ "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"true\"]}}", NULL, 0 },
	{ "{\"Healthcheck\":{\"Test\":[\"NONE\"]}}", NULL, 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{}}}}", NULL, 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"max-size\":\"1m\",\"max-file\":\"3\"}}}}", NULL, 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"max-size\":\"x\"}}}}", "invalid size: 'x'", 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"max-size\":\"0\"}}}}", "max-size must be a positive number", 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"max-file\":\"0\"}}}}", "max-file cannot be less than 1", 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"max-file\":\"2x\"}}}}", "strconv.Atoi: parsing \"2x\": invalid syntax", 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"max-file\":\"99999999999999999999\"}}}}", "value out of range", 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"max-file\":\"1001\"}}}}", "not supported", 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"compress\":\"true\",\"max-size\":\"1k\"}}}}", "compress cannot be true when max-file is less than 2 or max-size is not set", 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"compress\":\"true\",\"max-size\":\"1k\",\"max-file\":\"2\"}}}}", NULL, 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"compress\":\"yes\"}}}}", "strconv.ParseBool: parsing \"yes\": invalid syntax", 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"mode\":\"odd\"}}}}", "logger: logging mode not supported: odd", 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"max-buffer-size\":\"1m\"}}}}", "only supported with 'mode=non-blocking'", 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"mode\":\"non-blocking\",\"max-buffer-size\":\"1m\"}}}}", NULL, 1 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"mode\":\"blocking\",\"labels-regex\":\"^a|b$\",\"env-regex\":\"(x+)+y\",\"tag\":\"{{.Name}}/{{ .ID }}\"}}}}", NULL, 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"labels-regex\":\"(\"}}}}", "error parsing regexp of labels-regex: missing closing parenthesis", 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"env-regex\":\"((a{1,200}){1,200}){1,200}\"}}}}", "error parsing regexp of env-regex: regular expression is too large", 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"tag\":\"{{.Name\"}}}}", "the log tag's \"{{.Name\" is not supported", 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"tag\":\"{{printf 1}}\"}}}}", "is not supported", 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"foo\":\"1\"}}}}", "unknown log opt 'foo' for json-file log driver", 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"none\"}}}", NULL, 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"local\"}}}", NULL, 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"syslog\"}}}", "not supported", 0 },
	{ "{\"HostConfig\":{\"LogConfig\":{\"Type\":\"odd\"}}}", "logger: no log driver named 'odd' is registered", 0 },
	{ "{\"Unknown\":{},\"name\":\"x\"}", NULL, 0 },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		CREATE_CLEANUP struct create c;
		struct err e;
		int rc = check(cases[i].body, &c, &e);

		if (cases[i].error && (rc == 0 || !strstr(e.text, cases[i].error)))
			fail_msg("%s: \"%s\" instead of \"%s\"", cases[i].body, rc == 0 ? "taken" : e.text, cases[i].error);
		if (!cases[i].error && rc < 0)
			fail_msg("%s: %s", cases[i].body, e.text);
		if (!cases[i].error && json_object_array_length(c.warnings) != cases[i].warnings)
			fail_msg("%s: %s", cases[i].body, json_text(c.warnings));
	}
}

/* What the docker CLI always sends. */
static const char cli_body[] =
	"{\"Hostname\":\"\",\"Domainname\":\"\",\"User\":\"\",\"AttachStdin\":false,\"AttachStdout\":true,\"AttachStderr\":true,\"Tty\":false,"
	"\"OpenStdin\":false,\"StdinOnce\":false,\"Env\":null,\"Cmd\":[\"echo\",\"hi\"],\"Image\":\"busybox\",\"Volumes\":{},\"WorkingDir\":\"\","
	"\"Entrypoint\":null,\"OnBuild\":null,\"Labels\":{},\"HostConfig\":{\"Binds\":null,\"ContainerIDFile\":\"\",\"LogConfig\":{\"Type\":\"\","
	"\"Config\":{}},\"NetworkMode\":\"default\",\"PortBindings\":{},\"RestartPolicy\":{\"Name\":\"no\",\"MaximumRetryCount\":0},"
	"\"AutoRemove\":true,\"VolumeDriver\":\"\",\"VolumesFrom\":null,\"ConsoleSize\":[0,0],\"CapAdd\":null,\"CapDrop\":null,"
	"\"CgroupnsMode\":\"\",\"Dns\":[],\"DnsOptions\":[],\"DnsSearch\":[],\"ExtraHosts\":null,\"GroupAdd\":null,\"IpcMode\":\"\",\"Cgroup\":\"\","
	"\"Links\":null,\"OomScoreAdj\":0,\"PidMode\":\"\",\"Privileged\":false,\"PublishAllPorts\":false,\"ReadonlyRootfs\":false,"
	"\"SecurityOpt\":null,\"UTSMode\":\"\",\"UsernsMode\":\"\",\"ShmSize\":0,\"Isolation\":\"\",\"CpuShares\":0,\"Memory\":0,\"NanoCpus\":0,"
	"\"CgroupParent\":\"\",\"BlkioWeight\":0,\"BlkioWeightDevice\":[],\"BlkioDeviceReadBps\":[],\"BlkioDeviceWriteBps\":[],"
	"\"BlkioDeviceReadIOps\":[],\"BlkioDeviceWriteIOps\":[],\"CpuPeriod\":0,\"CpuQuota\":0,\"CpuRealtimePeriod\":0,\"CpuRealtimeRuntime\":0,"
	"\"CpusetCpus\":\"\",\"CpusetMems\":\"\",\"Devices\":[],\"DeviceCgroupRules\":null,\"DeviceRequests\":null,\"MemoryReservation\":0,"
	"\"MemorySwap\":0,\"MemorySwappiness\":-1,\"OomKillDisable\":false,\"PidsLimit\":0,\"Ulimits\":[],\"CpuCount\":0,\"CpuPercent\":0,"
	"\"IOMaximumIOps\":0,\"IOMaximumBandwidth\":0,\"MaskedPaths\":null,\"ReadonlyPaths\":null},\"NetworkingConfig\":{\"EndpointsConfig\":"
	"{\"default\":{\"IPAMConfig\":null,\"Links\":null,\"Aliases\":null,\"MacAddress\":\"\",\"DriverOpts\":null,\"GwPriority\":0,"
	"\"NetworkID\":\"\",\"EndpointID\":\"\",\"Gateway\":\"\",\"IPAddress\":\"\",\"IPPrefixLen\":0,\"IPv6Gateway\":\"\","
	"\"GlobalIPv6Address\":\"\",\"GlobalIPv6PrefixLen\":0,\"DNSNames\":null}}}}";

static void test_cli_defaults(void **state)
{
	CREATE_CLEANUP struct create c;
	struct err e;

	(void)state;
	assert_int_equal(check(cli_body, &c, &e), 0);
	assert_string_equal(json_text(c.warnings), "[]");
	assert_int_equal(json_int(c.host_config, "ShmSize", 0), 67108864);
	assert_string_equal(json_str(c.host_config, "IpcMode", ""), "private");
	assert_string_equal(json_str(c.host_config, "Runtime", ""), "runc");
	assert_null(json_get(c.host_config, "PidsLimit"));
	assert_null(json_get(c.host_config, "MemorySwappiness"));
	assert_true(json_object_object_get_ex(c.host_config, "PidsLimit", NULL));
	assert_false(json_object_object_get_ex(c.host_config, "Tmpfs", NULL));
	assert_int_equal(json_object_array_length(json_array(c.host_config, "ReadonlyPaths")), 5);
	assert_non_null(json_obj(c.networking, "bridge"));
	assert_int_equal(json_object_object_length(c.networking), 1);
	assert_int_equal(c.memory, 0);
}

static void test_resources(void **state)
{
	static const struct {
		const char *body;
		unsigned int memory, storage;
	} sizes[] = {
		{ "{\"HostConfig\":{\"Memory\":67108864}}", 128, 0 },
		{ "{\"HostConfig\":{\"Memory\":536870912}}", 512, 0 },
		{ "{\"HostConfig\":{\"Memory\":536870913}}", 513, 0 },
		{ "{\"HostConfig\":{\"NanoCpus\":1000000000}}", 1769, 0 },
		{ "{\"HostConfig\":{\"NanoCpus\":500000000,\"Memory\":1073741824}}", 1024, 0 },
		{ "{\"HostConfig\":{\"CpuQuota\":50000}}", 885, 0 },
		{ "{\"HostConfig\":{\"CpuQuota\":50000,\"CpuPeriod\":50000}}", 1769, 0 },
		{ "{\"HostConfig\":{\"CpuPeriod\":50000}}", 0, 0 },
		{ "{\"HostConfig\":{\"StorageOpt\":{\"size\":\"100m\"}}}", 0, 512 },
		{ "{\"HostConfig\":{\"StorageOpt\":{\"size\":\"2G\"}}}", 0, 2048 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		CREATE_CLEANUP struct create c;
		struct err e;

		assert_int_equal(check(sizes[i].body, &c, &e), 0);
		assert_int_equal(c.memory, sizes[i].memory);
		assert_int_equal(c.storage, sizes[i].storage);
	}
}

/* Client's config, image's config, the merged member and its value ("error": No command specified). */
static const struct {
	const char *body, *image, *key, *value;
} merges[] = {
	{ "{\"Cmd\":[\"a\"]}", "{\"Cmd\":[\"b\"],\"Entrypoint\":[\"e\"]}", "Cmd", "[\"a\"]" },
	{ "{\"Cmd\":[\"a\"]}", "{\"Cmd\":[\"b\"],\"Entrypoint\":[\"e\"]}", "Entrypoint", "[\"e\"]" },
	{ "{}", "{\"Cmd\":[\"b\"],\"Entrypoint\":[\"e\"]}", "Cmd", "[\"b\"]" },
	{ "{\"Entrypoint\":[\"x\"]}", "{\"Cmd\":[\"b\"],\"Entrypoint\":[\"e\"]}", "Cmd", "null" },
	{ "{\"Entrypoint\":[\"x\"]}", "{\"Cmd\":[\"b\"]}", "Entrypoint", "[\"x\"]" },
	{ "{\"Entrypoint\":[],\"Cmd\":[\"a\"]}", "{\"Entrypoint\":[\"e\"]}", "Entrypoint", "[]" },
	{ "{\"Entrypoint\":[\"\"],\"Cmd\":[\"a\"]}", "{\"Entrypoint\":[\"e\"]}", "Entrypoint", "null" },
	{ "{\"Entrypoint\":[\"\"]}", "{\"Cmd\":[\"b\"],\"Entrypoint\":[\"e\"]}", "error", "" },
	{ "{}", "{}", "error", "" },
	{ "{\"Entrypoint\":[]}", "{\"Entrypoint\":[\"e\"]}", "error", "" },
	{ "{\"Entrypoint\":[]}", "{\"Cmd\":[\"b\"],\"Entrypoint\":[\"e\"]}", "Cmd", "[\"b\"]" },
	{ "{\"Entrypoint\":[]}", "{\"Cmd\":[\"b\"],\"Entrypoint\":[\"e\"]}", "Entrypoint", "[]" },
	{ "{\"Entrypoint\":null,\"Cmd\":null}", "{\"Cmd\":[\"b\"],\"Entrypoint\":[\"e\"]}", "Entrypoint", "[\"e\"]" },
	{ "{\"Cmd\":[]}", "{\"Cmd\":[\"b\"],\"Entrypoint\":[\"e\"]}", "Cmd", "[\"b\"]" },
	{ "{\"Cmd\":\"a b\"}", "{\"Cmd\":[\"c\"]}", "Cmd", "[\"a b\"]" },
	{ "{\"Cmd\":[\"a\"],\"OnBuild\":[\"RUN x\"]}", "{\"OnBuild\":[\"RUN y\"]}", "OnBuild", "[\"RUN x\"]" },
	{ "{\"Cmd\":[\"a\"]}", "{\"OnBuild\":[\"RUN y\"]}", "OnBuild", "null" },
	{ "{\"Cmd\":[\"a\"],\"Env\":[\"A=1\",\"A=2\",\"B\"]}", "{\"Env\":[\"B=0\",\"C=0\"]}", "Env", "[\"A=1\",\"A=2\",\"B\",\"C=0\"]" },
	{ "{\"Cmd\":[\"a\"],\"Env\":[]}", "{\"Env\":[\"B=0\"]}", "Env", "[\"B=0\"]" },
	{ "{\"Cmd\":[\"a\"],\"Healthcheck\":{\"Test\":[]}}", "{\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"]}}", "Healthcheck", "{\"Test\":[\"CMD\",\"x\"]}" },
	{ "{\"Cmd\":[\"a\"],\"Env\":[\"A=1\"]}", "{\"Env\":[\"PATH=/bin\",\"A=0\"]}", "Env", "[\"A=1\",\"PATH=/bin\"]" },
	{ "{\"Cmd\":[\"a\"]}", "{\"Env\":[\"PATH=/bin\"]}", "Env", "[\"PATH=/bin\"]" },
	{ "{\"Cmd\":[\"a\"]}", "{}", "Env", "null" },
	{ "{\"Cmd\":[\"a\"],\"Labels\":{\"a\":\"1\"}}", "{\"Labels\":{\"a\":\"0\",\"b\":\"2\"}}", "Labels", "{\"a\":\"1\",\"b\":\"2\"}" },
	{ "{\"Cmd\":[\"a\"]}", "{}", "Labels", "{}" },
	{ "{\"Cmd\":[\"a\"]}", "{\"WorkingDir\":\"/w\"}", "WorkingDir", "\"/w\"" },
	{ "{\"Cmd\":[\"a\"],\"WorkingDir\":\"/x\"}", "{\"WorkingDir\":\"/w\"}", "WorkingDir", "\"/x\"" },
	{ "{\"Cmd\":[\"a\"]}", "{\"User\":\"u\"}", "User", "\"u\"" },
	{ "{\"Cmd\":[\"a\"],\"ExposedPorts\":{\"80/tcp\":{}}}", "{\"ExposedPorts\":{\"81/tcp\":{}}}", "ExposedPorts", "{\"80/tcp\":{},\"81/tcp\":{}}" },
	{ "{\"Cmd\":[\"a\"],\"Volumes\":{}}", "{}", "Volumes", "null" },
	{ "{\"Cmd\":[\"a\"]}", "{\"Volumes\":{\"/d\":{}}}", "Volumes", "{\"/d\":{}}" },
	{ "{\"Cmd\":[\"a\"]}", "{\"StopSignal\":\"SIGINT\"}", "StopSignal", "\"SIGINT\"" },
	{ "{\"Cmd\":[\"a\"],\"Healthcheck\":{\"Retries\":2}}", "{\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"],\"Retries\":1}}", "Healthcheck", "{\"Retries\":2,\"Test\":[\"CMD\",\"x\"]}" },
};

static void test_merge(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof merges / sizeof *merges; i++) {
		CREATE_CLEANUP struct create c;
		CLEANUP_JSON struct json_object *image = parse(merges[i].image);
		struct err e;
		int rc;

		assert_int_equal(check(merges[i].body, &c, &e), 0);
		rc = create_merge(&c, image, &e);
		if (strcmp(merges[i].key, "error") == 0) {
			assert_int_equal(rc, -1);
			assert_string_equal(e.text, "No command specified");
			continue;
		}
		assert_int_equal(rc, 0);
		if (strcmp(json_text(json_get(c.config, merges[i].key)), merges[i].value) != 0)
			fail_msg("%s with %s: %s", merges[i].body, merges[i].image, json_text(json_get(c.config, merges[i].key)));
	}
}

static void plan_of(const char *body, struct create *c, struct create_plan *p)
{
	struct settings s = { .deployment = (char *)(uintptr_t)"test", .agent_callback_url = (char *)(uintptr_t)"http://cb", .lambda_memory_size = 1024, .lambda_ephemeral_storage = 512 };
	struct err e = { 0 };

	assert_int_equal(check(body, c, &e), 0);
	assert_int_equal(create_merge(c, NULL, &e), 0);
	assert_int_equal(create_name_host(c, ID, &e), 0);
	memset(p, 0, sizeof *p);
	assert_int_equal(create_plan(c, &s, ID, "token", "name", p, &e), 0);
}

static void test_plan(void **state)
{
	CREATE_CLEANUP struct create c;
	CREATE_PLAN_CLEANUP struct create_plan p;

	(void)state;
	plan_of("{\"Cmd\":[\"a\",\"b\"],\"Entrypoint\":[\"e\"],\"Tty\":true,\"Env\":[\"A1=1\",\"a.b=2\",\"_X=3\",\"AWS_REGION=4\",\"TERM\",\"A1=5\"],"
		"\"StopSignal\":\"SIGINT\",\"WorkingDir\":\"/w\",\"HostConfig\":{\"ConsoleSize\":[24,80],\"Init\":true}}", &c, &p);
	assert_string_equal(json_text(p.spec),
			    "{\"args\":[\"e\",\"a\",\"b\"],\"env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\"HOSTNAME=2dac9a0e3a37\","
			    "\"A1=5\",\"a.b=2\",\"_X=3\",\"AWS_REGION=4\"],\"cwd\":\"/w\",\"user\":\"\",\"hostname\":\"2dac9a0e3a37\",\"tty\":true,"
			    "\"open_stdin\":false,\"stdin_once\":false,\"init\":true,\"stop_signal\":2,\"height\":24,\"width\":80}");
	assert_string_equal(json_text(p.environment),
			    "{\"SOCKERLESS_CONTAINER_ID\":\"" ID "\",\"SOCKERLESS_AGENT_TOKEN\":\"token\",\"SOCKERLESS_AGENT_CALLBACK_URL\":\"http://cb\","
			    "\"PATH\":\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\"HOSTNAME\":\"2dac9a0e3a37\",\"A1\":\"5\"}");
	assert_string_equal(p.entry_point[0], "/.sockerless/agent");
	assert_string_equal(p.entry_point[1], "e");
	assert_null(p.entry_point[2]);
	assert_string_equal(p.command[1], "b");
	assert_string_equal(p.description, "sockerless test " ID);
	assert_int_equal(p.memory, 1024);
}

static void test_plan_large(void **state)
{
	CREATE_CLEANUP struct create c;
	CREATE_PLAN_CLEANUP struct create_plan p;
	static char body[300000];
	size_t n;

	(void)state;
	n = (size_t)snprintf(body, sizeof body, "{\"Cmd\":[\"");
	memset(body + n, 'x', 100000);
	n += 100000;
	n += (size_t)snprintf(body + n, sizeof body - n, "\"],\"Env\":[\"BIG=");
	memset(body + n, 'y', 100000);
	n += 100000;
	snprintf(body + n, sizeof body - n, "\",\"SMALL=1\"]}");
	plan_of(body, &c, &p);
	assert_int_equal(strlen(json_object_get_string(json_object_array_get_idx(json_array(p.spec, "args"), 0))), 100000);
	assert_int_equal(strlen(json_object_get_string(json_object_array_get_idx(json_array(p.spec, "env"), 2))), 100004);
	assert_null(json_get(p.environment, "BIG"));
	assert_string_equal(json_str(p.environment, "SMALL", ""), "1");
	assert_null(p.command[0]);
	assert_true(strlen(json_text(p.environment)) < 4096);
}

static void test_names(void **state)
{
	char name[NAME_GENERATED_MAX];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		name_generate(name, i % 3);
		assert_true(name_valid(name));
		assert_non_null(strchr(name, '_'));
	}
	assert_true(name_valid("a1"));
	assert_true(name_valid("gold_1.x-y"));
	assert_false(name_valid("x"));
	assert_false(name_valid(""));
	assert_false(name_valid("bad name!"));
	assert_false(name_valid("_x"));
	assert_false(name_valid("a/b"));
}

static void test_parse(void **state)
{
	int64_t n;

	(void)state;
	assert_true(size_parse("10G", &n) && n == INT64_C(10) << 30);
	assert_true(size_parse("512mib", &n) && n == 512 << 20);
	assert_true(size_parse("5", &n) && n == 5);
	assert_false(size_parse("G", &n));
	assert_false(size_parse("1x", &n));
	assert_false(size_parse("1e400", &n));
	assert_true(size_parse_decimal("1.5m", &n) && n == 1500000);
	assert_true(parse_port("80/tcp"));
	assert_true(parse_port("8000-8010"));
	assert_false(parse_port("70000"));
	assert_false(parse_port("80/odd"));
	assert_false(parse_port("9-8"));
}

/* "path" and a letter for each flag: asked, empty, careful. */
static void describe(const struct create_writable *w, struct buf *b)
{
	buf_puts(b, w->wish.keep_root_only ? "keep " : "");
	for (size_t i = 0; i < w->wish.n_dirs; i++) {
		unsigned int flags = w->dirs[i].flags;

		buf_printf(b, "%s%s%s%s ", w->dirs[i].path, flags & DERIVE_ASKED ? "!" : "", flags & DERIVE_EMPTY ? "0" : "", flags & DERIVE_CAREFUL ? "?" : "");
	}
}

static void test_writable(void **state)
{
	static const struct { const char *body, *all; } lists[] = {
		{ "{}", "~? /run " },
		{ "{\"Env\":[\"HOME=/h\"],\"WorkingDir\":\"/w\"}", "/h? /w? /run " },
		{ "{\"Env\":[\"HOME=rel\"]}", "~? /run " },
		{ "{\"Labels\":{\"sockerless.writable\":\"/a, workdir,/b\"}}", "/a! /b! " },
		{ "{\"Labels\":{\"sockerless.writable\":\"\",\"sockerless.rootonly\":\"keep\"}}", "keep " },
		{ "{\"Labels\":{\"sockerless.writable\":\"a\"}}", "invalid list of writable directories (sockerless.writable): \"a\" is neither an absolute path nor home or workdir" },
		{ "{\"Labels\":{\"sockerless.root\":\"image\"}}", "~? /run " },
		{ "{\"Labels\":{\"sockerless.root\":\"real\"}}", "invalid root file system (sockerless.root): \"real\" is neither image nor fake" },
		{ "{\"Labels\":{\"sockerless.root\":\"fake\"}}", "sockerless.root=fake is not supported here: sockerless was built without proot (SOCKERLESS_FAKE_ROOT_PATH)" },
		{ "{\"HostConfig\":{\"ReadonlyRootfs\":true,\"Tmpfs\":{\"/t\":\"\"},\"Binds\":[\"vv:/v\",\"nn:/n:nocopy\"]}}", "/v! /n!0 /t!0 " },
		{ "{\"HostConfig\":{\"ReadonlyRootfs\":true,\"Mounts\":[{\"Type\":\"tmpfs\",\"Target\":\"/t\"},"
		  "{\"Type\":\"volume\",\"Source\":\"aa\",\"Target\":\"/a\",\"VolumeOptions\":{\"NoCopy\":true}}]}}", "/t! /a! /t!0 /a!0 " },
	};
	const struct settings s = { .writable = (char *)(uintptr_t)"home,workdir,/run", .root = (char *)(uintptr_t)"image",
				    .fake_root_path = (char *)(uintptr_t)"/nonexistent" };

	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		CREATE_WRITABLE_CLEANUP struct create_writable w = { 0 };
		CREATE_CLEANUP struct create c;
		BUF_CLEANUP struct buf b = BUF_INIT;
		struct err e;

		assert_int_equal(check(lists[i].body, &c, &e), 0);
		if (create_writable(&c, &s, &w, &e) < 0)
			buf_puts(&b, e.text);
		else
			describe(&w, &b);
		assert_string_equal(b.data, lists[i].all);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases), cmocka_unit_test(test_cli_defaults), cmocka_unit_test(test_resources), cmocka_unit_test(test_merge),
		cmocka_unit_test(test_plan), cmocka_unit_test(test_plan_large), cmocka_unit_test(test_names), cmocka_unit_test(test_parse), cmocka_unit_test(test_writable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
