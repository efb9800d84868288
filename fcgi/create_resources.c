/*
 * Resources that POST /containers/create and update ask for: what dockerd
 * refuses, in its words, and what the function gets. Memory and CPUs choose
 * its memory size, the larger wins; --storage-opt size= its /tmp.
 */
#include <strings.h>
#include <string.h>

#include "fcgi/create.h"
#include "lib/docker/size.h"
#include "lib/json.h"

#define MIB (1024 * 1024)
#define MEMORY_LEAST (6 * MIB) /* dockerd's */
#define NANO INT64_C(1000000000)
#define PERIOD_DEFAULT 100000 /* us, the kernel's */
#define CPUS_MAX (CREATE_MEMORY_MAX / CREATE_CPU_MB)

static int64_t host_int(const struct create *c, const char *key)
{
	return json_int(c->host_config, key, 0);
}

static int refuse(struct err *e, const char *text)
{
	return err_set(e, ERR_INVALID, "%s", text);
}

static int check_memory(const struct create *c, struct err *e)
{
	int64_t memory = host_int(c, "Memory"), swap = host_int(c, "MemorySwap"), reservation = host_int(c, "MemoryReservation");
	int64_t swappiness = host_int(c, "MemorySwappiness");

	if (memory && memory < MEMORY_LEAST)
		return refuse(e, "Minimum memory limit allowed is 6MB");
	if (memory && swap > 0 && swap < memory)
		return refuse(e, "Minimum memoryswap limit should be larger than memory limit, see usage");
	if (!memory && swap > 0)
		return refuse(e, "You should always set the Memory limit when using Memoryswap limit, see usage");
	if (swappiness < -1 || swappiness > 100)
		return err_set(e, ERR_INVALID, "Invalid value: %lld, valid memory swappiness range is 0-100", (long long)swappiness);
	if (reservation > 0 && reservation < MEMORY_LEAST)
		return refuse(e, "Minimum memory reservation allowed is 6MB");
	if (memory && reservation > memory)
		return refuse(e, "Minimum memory limit can not be less than memory reservation limit, see usage");
	return 0;
}

static int check_cpus(const struct create *c, struct err *e)
{
	int64_t nano = host_int(c, "NanoCpus"), period = host_int(c, "CpuPeriod"), quota = host_int(c, "CpuQuota");

	if (nano > 0 && period > 0)
		return refuse(e, "Conflicting options: Nano CPUs and CPU Period cannot both be set");
	if (nano > 0 && quota > 0)
		return refuse(e, "Conflicting options: Nano CPUs and CPU Quota cannot both be set");
	if (nano < 0)
		return err_set(e, ERR_INVALID, "range of CPUs is from 0.01 to %d.00, as there are only %d CPUs available", CPUS_MAX, CPUS_MAX);
	if (period && (period < 1000 || period > 1000000))
		return refuse(e, "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
	if (quota > 0 && quota < 1000)
		return refuse(e, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
	return 0;
}

static int check_others(const struct create *c, struct err *e)
{
	int64_t weight = host_int(c, "BlkioWeight"), score = host_int(c, "OomScoreAdj");

	if (weight && (weight < 10 || weight > 1000))
		return refuse(e, "Range of blkio weight is from 10 to 1000");
	if (host_int(c, "IOMaximumBandwidth") || host_int(c, "IOMaximumIOps"))
		return refuse(e, "Invalid QoS settings: Linux does not support Maximum IO Bandwidth or Maximum IO IOps");
	if (score < -1000 || score > 1000)
		return err_set(e, ERR_INVALID, "Invalid value %lld, range for oom score adj is [-1000, 1000]", (long long)score);
	if (host_int(c, "ShmSize") < 0)
		return refuse(e, "SHM size can not be less than 0");
	return 0;
}

/* MB of memory that bring so many CPUs; --cpus is NanoCpus, --cpu-quota and --cpu-period are a fraction. */
static int cpu_memory(const struct create *c, int64_t *ret, struct err *e)
{
	int64_t nano = host_int(c, "NanoCpus"), period = host_int(c, "CpuPeriod"), quota = host_int(c, "CpuQuota");
	double cpus = quota > 0 ? (double)quota / (double)(period ? period : PERIOD_DEFAULT) : (double)nano / NANO;

	if (cpus * CREATE_CPU_MB > CREATE_MEMORY_MAX)
		return err_set(e, ERR_INVALID, "%s: so many CPUs are not supported: a Lambda function has %d MB at most, and one CPU for each %d MB",
			       quota > 0 ? "CpuQuota" : "NanoCpus", CREATE_MEMORY_MAX, CREATE_CPU_MB);
	*ret = (int64_t)(cpus * CREATE_CPU_MB + 0.999);
	return 0;
}

static int choose_memory(struct create *c, struct err *e)
{
	int64_t memory = host_int(c, "Memory"), swap = host_int(c, "MemorySwap"), mb = memory / MIB + (memory % MIB > 0), cpu_mb = 0;

	if (mb > CREATE_MEMORY_MAX)
		return err_set(e, ERR_INVALID, "Memory of %lld MB is not supported: a Lambda function has %d MB at most", (long long)mb, CREATE_MEMORY_MAX);
	if (cpu_memory(c, &cpu_mb, e) < 0)
		return -1;
	if (memory && swap == 0 && !json_add_int(c->host_config, "MemorySwap", 2 * memory))
		return err_nomem(e);
	if (swap && swap != memory && swap != 2 * memory && create_warn(c, create_field_text("MemorySwap"), e) < 0)
		return -1;
	if (cpu_mb > mb)
		mb = cpu_mb;
	if (mb)
		c->memory = mb < CREATE_MEMORY_MIN ? CREATE_MEMORY_MIN : (unsigned int)mb;
	return 0;
}

static int choose_storage(struct create *c, struct err *e)
{
	struct json_object *opt = json_obj(c->host_config, "StorageOpt");
	int64_t bytes, mb;

	if (!opt)
		return 0;
	json_object_object_foreach(opt, key, v) {
		if (!v)
			return err_set(e, ERR_INVALID, "invalid size: ''");
		if (strcmp(key, "size") != 0)
			return err_set(e, ERR_INVALID, "--storage-opt %s is not supported: a Lambda function knows size only", key);
		if (!size_parse(json_object_get_string(v), &bytes))
			return err_set(e, ERR_INVALID, "invalid size: '%s'", json_object_get_string(v));
		mb = bytes / MIB + (bytes % MIB > 0);
		if (mb > CREATE_STORAGE_MAX)
			return err_set(e, ERR_INVALID, "--storage-opt size=%s is not supported: /tmp of a Lambda function has %d MB at most",
				       json_object_get_string(v), CREATE_STORAGE_MAX);
		c->storage = mb < CREATE_STORAGE_MIN ? CREATE_STORAGE_MIN : (unsigned int)mb;
	}
	return 0;
}

int create_resources(struct create *c, struct err *e)
{
	return check_memory(c, e) < 0 || check_cpus(c, e) < 0 || check_others(c, e) < 0 || choose_memory(c, e) < 0 || choose_storage(c, e) < 0 ? -1 : 0;
}

/* Without "CAP_"; linux/capability.h. */
static const char *const capabilities[] = {
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
	"NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT",
	"SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE",
	"AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
	"PERFMON", "BPF", "CHECKPOINT_RESTORE", "ALL",
};

static bool is_capability(const char *name)
{
	const char *bare = strncasecmp(name, "CAP_", 4) == 0 ? name + 4 : name;

	for (size_t i = 0; i < sizeof capabilities / sizeof *capabilities; i++)
		if (strcasecmp(capabilities[i], bare) == 0)
			return true;
	return false;
}

static int unknown_capability(const char *field, const char *name, struct err *e)
{
	char upper[64];
	size_t n = 0;

	for (; name[n] && n < sizeof upper - 1; n++)
		upper[n] = name[n] >= 'a' && name[n] <= 'z' ? (char)(name[n] - 'a' + 'A') : name[n];
	upper[n] = '\0';
	return err_set(e, ERR_INVALID, "invalid %s: unknown capability: \"%s%s\"", field, strncmp(upper, "CAP_", 4) ? "CAP_" : "", upper);
}

int create_capabilities(struct create *c, struct err *e)
{
	static const char *const fields[] = { "CapAdd", "CapDrop" };

	for (size_t f = 0; f < sizeof fields / sizeof *fields; f++) {
		struct json_object *list = json_array(c->host_config, fields[f]);

		for (size_t i = 0; list && i < json_object_array_length(list); i++) {
			const char *name = json_object_get_string(json_object_array_get_idx(list, i));

			if (!is_capability(name))
				return unknown_capability(fields[f], name, e);
		}
	}
	return 0;
}
