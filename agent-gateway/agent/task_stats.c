/*
 * stats: what the container's processes use, as JSON in the form of Docker's
 * figures: once a second, or one that has the second before in it, or
 * (one_shot) one at once. All of it from /proc: a function shows no cgroup.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "agent-gateway/agent/proc.h"
#include "agent-gateway/agent/task.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/docker/time.h"

struct sample {
	int64_t at;
	unsigned long long user, kernel, system, memory, read, written;
	int64_t tasks;
	bool taken;
};

static unsigned long long ns_of_ticks(unsigned long long ticks)
{
	return ticks * (1000000000ULL / (unsigned long long)sysconf(_SC_CLK_TCK));
}

static unsigned long long read_system(void)
{
	CLEANUP_FCLOSE FILE *f = fopen("/proc/stat", "re");
	unsigned long long v[7] = { 0 }, sum = 0;

	if (!f || fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6]) < 4)
		return 0;
	for (size_t i = 0; i < 7; i++)
		sum += v[i];
	return ns_of_ticks(sum);
}

static void raise_to(unsigned long long *counter, unsigned long long value)
{
	if (value > *counter)
		*counter = value;
}

static void take(struct sample *s)
{
	CLEANUP_FREE struct proc *procs = NULL;
	size_t n = proc_table(getppid(), &procs);
	unsigned long long user = 0, kernel = 0, read = 0, written = 0;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	s->at = now.tv_sec * 1000000000LL + now.tv_nsec;
	s->system = read_system();
	s->memory = 0;
	s->tasks = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned long long in, out;

		proc_block_io(procs[i].pid, &in, &out);
		read += in;
		written += out;
		user += procs[i].user_ticks;
		kernel += procs[i].cpu_ticks - procs[i].user_ticks;
		/* Which of the two it was isn't told apart there. */
		user += procs[i].child_ticks;
		s->memory += procs[i].rss;
		s->tasks += procs[i].threads;
	}
	/* What nobody waited for is lost with its process, and counters don't run backwards. */
	raise_to(&s->user, ns_of_ticks(user));
	raise_to(&s->kernel, ns_of_ticks(kernel));
	raise_to(&s->read, read);
	raise_to(&s->written, written);
	s->taken = true;
}

static bool add_cpu(struct json_object *to, const char *key, const struct sample *s)
{
	struct json_object *cpu = json_object_new_object(), *usage = json_object_new_object(), *throttling = json_object_new_object();

	if (!json_add(to, key, cpu) || !json_add(cpu, "cpu_usage", usage))
		return false;
	if (!json_add_int(usage, "total_usage", (int64_t)(s->user + s->kernel)) ||
	    !json_add_int(usage, "usage_in_kernelmode", (int64_t)s->kernel) || !json_add_int(usage, "usage_in_usermode", (int64_t)s->user))
		return false;
	if (s->taken && (!json_add_int(cpu, "system_cpu_usage", (int64_t)s->system) ||
			 !json_add_int(cpu, "online_cpus", sysconf(_SC_NPROCESSORS_ONLN))))
		return false;
	return json_add(cpu, "throttling_data", throttling) && json_add_int(throttling, "periods", 0) &&
	       json_add_int(throttling, "throttled_periods", 0) && json_add_int(throttling, "throttled_time", 0);
}

static bool add_bytes(struct json_object *list, const struct stat *device, const char *op, unsigned long long bytes)
{
	struct json_object *o = json_object_new_object();

	if (!o || json_object_array_add(list, o) < 0) {
		json_object_put(o);
		return false;
	}
	return json_add_int(o, "major", major(device->st_dev)) && json_add_int(o, "minor", minor(device->st_dev)) && json_add_str(o, "op", op) &&
	       json_add_int(o, "value", (int64_t)bytes);
}

/* Whatever the device: /proc tells none, and what can be written is on that of /tmp. */
static bool add_blkio(struct json_object *to, const struct sample *s)
{
	static const char *const keys[] = { "io_service_bytes_recursive", "io_serviced_recursive", "io_queue_recursive",
					    "io_service_time_recursive", "io_wait_time_recursive", "io_merged_recursive",
					    "io_time_recursive", "sectors_recursive" };
	struct json_object *o = json_object_new_object(), *bytes;
	struct stat device;

	if (!json_add(to, "blkio_stats", o))
		return false;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (!json_add(o, keys[i], json_object_new_array()))
			return false;
	bytes = json_array(o, keys[0]);
	return stat("/tmp", &device) < 0 || (add_bytes(bytes, &device, "read", s->read) && add_bytes(bytes, &device, "write", s->written));
}

static bool add_network(struct json_object *to, char *line)
{
	char *colon = strchr(line, ':'), *name = line + strspn(line, " ");
	struct json_object *o;
	unsigned long long v[12];

	if (!colon)
		return true;
	*colon = '\0';
	if (!strcmp(name, "lo") || sscanf(colon + 1, "%llu %llu %llu %llu %*u %*u %*u %*u %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3], &v[4],
					  &v[5], &v[6], &v[7]) != 8)
		return true;
	o = json_object_new_object();
	return json_add(to, name, o) && json_add_int(o, "rx_bytes", (int64_t)v[0]) && json_add_int(o, "rx_packets", (int64_t)v[1]) &&
	       json_add_int(o, "rx_errors", (int64_t)v[2]) && json_add_int(o, "rx_dropped", (int64_t)v[3]) &&
	       json_add_int(o, "tx_bytes", (int64_t)v[4]) && json_add_int(o, "tx_packets", (int64_t)v[5]) &&
	       json_add_int(o, "tx_errors", (int64_t)v[6]) && json_add_int(o, "tx_dropped", (int64_t)v[7]);
}

static bool add_networks(struct json_object *to)
{
	CLEANUP_FCLOSE FILE *f = fopen("/proc/self/net/dev", "re");
	struct json_object *o = json_object_new_object();
	char line[512];

	if (!json_add(to, "networks", o))
		return false;
	while (f && fgets(line, sizeof line, f))
		if (!strchr(line, '|') && !add_network(o, line))
			return false;
	return true;
}

static bool add_memory(struct json_object *to, const struct sample *s, int64_t limit)
{
	struct json_object *o = json_object_new_object(), *stats = json_object_new_object();

	return json_add(to, "memory_stats", o) && json_add_int(o, "usage", (int64_t)s->memory) && json_add(o, "stats", stats) &&
	       json_add_int(stats, "anon", (int64_t)s->memory) && json_add_int(stats, "inactive_file", 0) &&
	       json_add_int(o, "limit", limit > 0 ? limit : (int64_t)proc_memory());
}

static struct json_object *describe(struct json_object *open, const struct sample *now, const struct sample *before, bool named)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	struct json_object *pids = json_object_new_object();
	char read[TIME_TEXT_MAX], preread[TIME_TEXT_MAX], name[512];

	time_format(read, now->at);
	time_format(preread, before->at);
	snprintf(name, sizeof name, "/%s", json_str(open, "name", ""));
	if (!json_add(o, "pids_stats", pids) || !json_add_str(o, "read", read) || !json_add_str(o, "preread", preread) ||
	    !json_add_int(pids, "current", now->tasks) || !add_blkio(o, now) || !json_add_int(o, "num_procs", 0) ||
	    !json_add(o, "storage_stats", json_object_new_object()) || !add_cpu(o, "cpu_stats", now) || !add_cpu(o, "precpu_stats", before) ||
	    !add_memory(o, now, strtoll(json_str(open, "limit", "0"), NULL, 10)))
		return NULL;
	if (named && (!json_add_str(o, "name", name) || !json_add_str(o, "id", json_str(open, "id", ""))))
		return NULL;
	return add_networks(o) ? json_object_get(o) : NULL;
}

static int say(struct json_object *open, const struct sample *now, const struct sample *before, bool named)
{
	CLEANUP_JSON struct json_object *o = describe(open, now, before, named);
	const char *text = o ? json_text(o) : NULL;
	BUF_CLEANUP struct buf line = BUF_INIT;

	if (!text)
		return -1;
	buf_printf(&line, "%s\n", text);
	return !line.failed && task_write(line.data, line.len) == 0 ? 0 : -1;
}

static void wait_a_second(void)
{
	struct timespec second = { .tv_sec = 1 };

	while (nanosleep(&second, &second) < 0 && errno == EINTR)
		;
}

int task_stats(struct json_object *open)
{
	CLEANUP_JSON struct json_object *head = json_object_new_object();
	bool stream = !strcmp(json_str(open, "stream", ""), "1"), one_shot = !strcmp(json_str(open, "one_shot", ""), "1");
	struct sample now = { .at = 0 }, before = { .at = 0 };

	if (!json_add_bool(head, "endless", true) || (!stream && !json_add_str(head, "type", "application/json")) || task_head(200, head) < 0)
		return 1;
	take(&now);
	if (!stream && !one_shot) {
		before = now;
		wait_a_second();
		take(&now);
	}
	while (say(open, &now, &before, stream || !one_shot) == 0 && stream) {
		before = now;
		wait_a_second();
		take(&now);
	}
	return 0;
}
