/*
 * GET /info: what `docker info` shows. Counts are the tenant's own; processors
 * and memory are settings, since Lambda has no machine of which to tell. What
 * a Linux kernel could lack is said to be there, or the docker CLI would warn
 * of it; each limit is Lambda's to hold. A field that has no meaning here has
 * its empty value, of the right type.
 */
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/docker/time.h"
#include "lib/docker/versions.h"
#include "lib/ids.h"
#include "lib/json.h"

/* The fields that are the same for everybody, in dockerd's order around the ones that aren't. */
static const char fixed[] =
	"{\"Driver\":\"lambda\",\"DriverStatus\":[],"
	"\"Plugins\":{\"Volume\":[\"local\"],\"Network\":[\"bridge\",\"host\",\"null\"],\"Authorization\":null,\"Log\":[\"json-file\"]},"
	"\"MemoryLimit\":true,\"SwapLimit\":true,\"KernelMemoryTCP\":true,\"CpuCfsPeriod\":true,\"CpuCfsQuota\":true,"
	"\"CPUShares\":true,\"CPUSet\":true,\"PidsLimit\":true,\"IPv4Forwarding\":true,\"BridgeNfIptables\":true,"
	"\"BridgeNfIp6tables\":true,\"Debug\":false,\"NFd\":0,\"OomKillDisable\":true,\"NGoroutines\":0,"
	"\"LoggingDriver\":\"json-file\",\"CgroupDriver\":\"cgroupfs\",\"CgroupVersion\":\"2\",\"NEventsListener\":0,"
	"\"KernelVersion\":\"managed by AWS Lambda\",\"OperatingSystem\":\"AWS Lambda\",\"OSVersion\":\"\",\"OSType\":\"linux\","
	"\"IndexServerAddress\":\"https://index.docker.io/v1/\","
	"\"RegistryConfig\":{\"AllowNondistributableArtifactsCIDRs\":null,\"AllowNondistributableArtifactsHostnames\":null,"
	"\"InsecureRegistryCIDRs\":[\"127.0.0.0/8\"],\"IndexConfigs\":{\"docker.io\":{\"Name\":\"docker.io\",\"Mirrors\":[],"
	"\"Secure\":true,\"Official\":true}},\"Mirrors\":[]},"
	"\"GenericResources\":null,\"HttpProxy\":\"\",\"HttpsProxy\":\"\",\"NoProxy\":\"\",\"Labels\":[],\"ExperimentalBuild\":false,"
	"\"Runtimes\":{\"lambda\":{\"path\":\"sockerless-agent\"}},\"DefaultRuntime\":\"lambda\","
	"\"Swarm\":{\"NodeID\":\"\",\"NodeAddr\":\"\",\"LocalNodeState\":\"inactive\",\"ControlAvailable\":false,\"Error\":\"\",\"RemoteManagers\":null},"
	"\"LiveRestoreEnabled\":true,\"Isolation\":\"\",\"InitBinary\":\"sockerless-agent\","
	"\"ContainerdCommit\":{\"ID\":\"\",\"Expected\":\"\"},\"RuncCommit\":{\"ID\":\"\",\"Expected\":\"\"},\"InitCommit\":{\"ID\":\"\",\"Expected\":\"\"},"
	"\"SecurityOptions\":[],\"CDISpecDirs\":[],\"Warnings\":null}";

/* The same for one deployment on one host, whatever process answers. */
static void make_id(const struct request *req, const char *host, char id[40])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char text[1024], hex[2 * SHA256_DIGEST_LENGTH + 1];

	snprintf(text, sizeof text, "%s\n%s\n%s", host, req->settings->deployment, req->settings->state_dir);
	SHA256((const unsigned char *)text, strlen(text), digest);
	hex_encode(hex, digest, sizeof digest);
	snprintf(id, 40, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static int add_counts(struct request *req, struct json_object *out, struct err *e)
{
	struct store *s = req->store;
	int64_t all, running, paused, images;

	if (store_row(s, QUERY_CONTAINER_COUNTS, e, "t", req->tenant) < 0)
		return -1;
	all = store_int(s, QUERY_CONTAINER_COUNTS, 0);
	running = store_int(s, QUERY_CONTAINER_COUNTS, 1);
	paused = store_int(s, QUERY_CONTAINER_COUNTS, 2);
	store_reset(s, QUERY_CONTAINER_COUNTS);
	if (store_row(s, QUERY_INFO_IMAGES, e, "t", req->tenant) < 0)
		return -1;
	images = store_int(s, QUERY_INFO_IMAGES, 0);
	store_reset(s, QUERY_INFO_IMAGES);
	if (!json_add_int(out, "Containers", all) || !json_add_int(out, "ContainersRunning", running) ||
	    !json_add_int(out, "ContainersPaused", paused) || !json_add_int(out, "ContainersStopped", all - running - paused) ||
	    !json_add_int(out, "Images", images))
		return err_nomem(e);
	return 0;
}

int route_info(struct request *req, struct err *e)
{
	CLEANUP_JSON struct json_object *rest = NULL;
	CLEANUP_JSON struct json_object *out = json_object_new_object();
	bool arm = strcmp(req->settings->lambda_architecture, "arm64") == 0;
	char host[256] = "sockerless", id[40], now[TIME_TEXT_MAX];

	gethostname(host, sizeof host - 1);
	make_id(req, host, id);
	time_format(now, time_now());
	if (!out || !json_add_str(out, "ID", id))
		return err_nomem(e);
	if (add_counts(req, out, e) < 0 || json_parse(fixed, strlen(fixed), &rest, e) < 0)
		return -1;
	err_nomem(e);
	if (!version_shows(VERSION_INFO_CDI, req->minor))
		json_object_object_del(rest, "CDISpecDirs");
	json_object_object_foreach(rest, key, value)
		if (!json_add(out, key, json_object_get(value)))
			return -1;
	if (!json_add_str(out, "SystemTime", now) || !json_add_str(out, "Architecture", arm ? "aarch64" : "x86_64") ||
	    !json_add_int(out, "NCPU", (int64_t)req->settings->info_ncpu) ||
	    !json_add_int(out, "MemTotal", (int64_t)req->settings->info_memory) ||
	    !json_add_str(out, "DockerRootDir", req->settings->state_dir) || !json_add_str(out, "Name", host) ||
	    !json_add_str(out, "ServerVersion", PACKAGE_VERSION))
		return -1;
	return reply_json(req, 200, out);
}
