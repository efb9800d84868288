#include <stdlib.h>
#include <string.h>

#include "fcgi/build.h"
#include "fcgi/image_platform.h"
#include "fcgi/image_source.h"
#include "lib/docker/reference.h"
#include "lib/json.h"
#include "lib/registry/image.h"

/* Parameters that change nothing here but would in Docker: refused when given. */
static const struct {
	const char *name, *why;
} refused[] = {
	{ "remote", "a remote context is not supported: fetch it, and send it as the request's body" },
	{ "outputs", "outputs are not supported: they are BuildKit's" },
};

/* What changes nothing here: told in the stream unless it has the value by which the CLI says that it wasn't given. */
static const struct {
	const char *name, *none, *option;
} ignored[] = {
	{ "cachefrom", "[]", "--cache-from" },   { "cpuperiod", "0", "--cpu-period" },        { "cpuquota", "0", "--cpu-quota" },
	{ "cpushares", "0", "--cpu-shares" },    { "cpusetcpus", "", "--cpuset-cpus" },       { "cpusetmems", "", "--cpuset-mems" },
	{ "memswap", "0", "--memory-swap" },     { "cgroupparent", "", "--cgroup-parent" },   { "ulimits", "[]", "--ulimit" },
	{ "securityopt", "", "--security-opt" },
};

void build_say_ignored(struct build *b)
{
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) {
		const char *value = request_query(b->req, ignored[i].name, "");

		if (*value && strcmp(value, ignored[i].none) != 0 && strcmp(value, "null") != 0)
			build_say(b, "[Warning] %s has no effect on builds here\n", ignored[i].option);
	}
}

static int check_platform(struct request *req, struct err *e)
{
	const char *platform = request_query(req, "platform", "");
	const char *architecture = image_platform_choose(req->settings, platform, e), *machine = image_platform_machine();

	if (!architecture)
		return err_prefix(e, "platform");
	/* RUN is executed on this machine, without a --platform too. */
	if (machine && strcmp(architecture, machine) == 0)
		return 0;
	return err_set(e, ERR_NOT_SUPPORTED, "building for %s%.100s is not supported: builds are executed on the server itself, which is linux/%s",
		       *platform ? "platform " : "linux/", *platform ? platform : architecture, machine ? machine : "of another architecture");
}

static int read_map(struct request *req, const char *key, struct json_object **ret, struct err *e)
{
	const char *text = request_query(req, key, "");
	struct json_object *o;

	if (!*text)
		return 0;
	if (json_parse(text, strlen(text), &o, e) < 0)
		return err_prefix(e, "error reading %s", key);
	if (o && !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		return err_set(e, ERR_INVALID, "error reading %s: no JSON object", key);
	}
	*ret = o;
	return 0;
}

static int read_network(struct build *b, struct err *e)
{
	const char *mode = request_query(b->req, "networkmode", "");

	b->egress = strcmp(mode, "none") != 0;
	if (!b->egress || !*mode || strcmp(mode, "default") == 0 || strcmp(mode, "bridge") == 0)
		return 0;
	return err_set(e, ERR_NOT_SUPPORTED, "network mode %.100s is not supported for builds: there is the way out, and none", mode);
}

static int read_sizes(struct build *b, struct err *e)
{
	static const char *const keys[] = { "memory", "shmsize" };
	int64_t *to[] = { &b->memory, &b->shm_size };

	for (size_t i = 0; i < 2; i++) {
		const char *text = request_query(b->req, keys[i], "");
		char *end;

		*to[i] = strtoll(text, &end, 10);
		if (*end || *to[i] < 0)
			return err_set(e, ERR_INVALID, "strconv.ParseInt: parsing \"%.100s\": invalid syntax", text);
	}
	return 0;
}

static int check_names(struct request *req, struct err *e)
{
	const char *name;
	size_t position = 0;

	while ((name = request_query_next(req, "t", &position))) {
		REFERENCE_CLEANUP struct reference r = { 0 };

		if (*name && reference_parse(name, &r, e) < 0)
			return -1;
		if (r.digest)
			return err_set(e, ERR_INVALID, "build tag cannot contain a digest");
	}
	return 0;
}

int build_options(struct build *b, struct err *e)
{
	struct request *req = b->req;

	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		if (*request_query(req, refused[i].name, ""))
			return err_set(e, ERR_NOT_SUPPORTED, "%s", refused[i].why);
	if (request_flag(req, "squash", false))
		return err_set(e, ERR_INVALID, "squash is only supported with experimental mode");
	b->dockerfile_name = request_query(req, "dockerfile", "");
	if (!*b->dockerfile_name)
		b->dockerfile_name = "Dockerfile";
	b->target = request_query(req, "target", "");
	b->quiet = request_flag(req, "q", false);
	b->nocache = request_flag(req, "nocache", false);
	b->pull = request_flag(req, "pull", false);
	b->keep_containers = !request_flag(req, "rm", true);
	b->auths = image_source_json(request_header(req, "X-Registry-Config"));
	return read_map(req, "buildargs", &b->args, e) < 0 || read_map(req, "labels", &b->labels, e) < 0 || read_network(b, e) < 0 ||
	       read_sizes(b, e) < 0 || check_names(req, e) < 0 || check_platform(req, e) < 0 ? -1 : 0;
}
