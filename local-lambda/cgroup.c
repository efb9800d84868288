#include "local-lambda/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/log.h"

#define END_WAIT_MS 5000
#define FREEZE_WAIT_MS 1000

struct cgroup_tree {
	char *path[CGROUP_HIERARCHIES]; /* the folder; NULL: no such hierarchy */
	bool v2_memory, v2_pids;
};

struct cgroup {
	struct cgroup_tree *tree;
	char *path[CGROUP_HIERARCHIES];
};

static const char *const v1_controllers[CGROUP_HIERARCHIES] = {
	[CGROUP_MEMORY] = "memory", [CGROUP_PIDS] = "pids", [CGROUP_FREEZER] = "freezer",
};

static int value_write(const char *dir, const char *file, const char *value)
{
	char path[PATH_MAX];
	CLEANUP_CLOSE int fd = -1;

	if (!dir)
		return -1;
	snprintf(path, sizeof path, "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, value, strlen(value)) >= 0 ? 0 : -1;
}

static bool value_read(const char *dir, const char *file, char *out, size_t size)
{
	char path[PATH_MAX];
	CLEANUP_CLOSE int fd = -1;

	if (!dir)
		return false;
	snprintf(path, sizeof path, "%s/%s", dir, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, out, size - 1) : -1;
	if (n < 0)
		return false;
	out[n] = '\0';
	return true;
}

/* The number after "key " at the beginning of a line. */
static unsigned long value_keyed(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line ? 1 : 0)
		if (!strncmp(line, key, len) && line[len] == ' ')
			return strtoul(line + len, NULL, 10);
	return 0;
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

static bool has_option(const char *options, const char *wanted)
{
	size_t len = strlen(wanted);

	for (const char *p = options; (p = strstr(p, wanted)); p += len)
		if ((p == options || p[-1] == ',') && (p[len] == ',' || p[len] == '\n' || !p[len]))
			return true;
	return false;
}

static void hierarchy_note(char *mounts[CGROUP_HIERARCHIES], const char *mount, const char *type, const char *options)
{
	if (!strcmp(type, "cgroup2") && !mounts[CGROUP_V2])
		mounts[CGROUP_V2] = strdup(mount);
	if (strcmp(type, "cgroup"))
		return;
	for (int h = CGROUP_MEMORY; h < CGROUP_HIERARCHIES; h++)
		if (has_option(options, v1_controllers[h]) && !mounts[h])
			mounts[h] = strdup(mount);
}

static void hierarchies_find(char *mounts[CGROUP_HIERARCHIES])
{
	CLEANUP_FCLOSE FILE *in = fopen("/proc/self/mountinfo", "re");
	CLEANUP_FREE char *line = NULL;
	size_t cap = 0;
	char mount[1024], type[64], options[1024];

	while (in && getline(&line, &cap, in) > 0) {
		const char *dash = strstr(line, " - ");

		if (dash && sscanf(line, "%*s %*s %*s %*s %1023s", mount) == 1 &&
		    sscanf(dash, " - %63s %*s %1023s", type, options) == 2)
			hierarchy_note(mounts, mount, type, options);
	}
}

/* Version 2 hands controllers down only where each level says so. */
static bool v2_enable(const char *mount, const char *folder, const char *controller)
{
	char have[512], want[32];

	if (!value_read(mount, "cgroup.controllers", have, sizeof have))
		return false;
	for (char *p = have; *p; p++)
		if (*p == ' ')
			*p = ',';
	if (!has_option(have, controller))
		return false;
	snprintf(want, sizeof want, "+%s", controller);
	if (value_write(mount, "cgroup.subtree_control", want) < 0 || value_write(folder, "cgroup.subtree_control", want) < 0)
		return false;
	return true;
}

void cgroup_tree_notices(const struct cgroup_tree *tree)
{
	if (!tree->v2_memory && !tree->path[CGROUP_MEMORY])
		log_warn("no memory cgroup: functions run without a memory limit");
	if (!cgroup_tree_limits_pids(tree))
		log_warn("no pids cgroup: functions share one limit of processes");
	if (!tree->path[CGROUP_V2] && !tree->path[CGROUP_FREEZER])
		log_warn("no cgroup can freeze: idle functions are stopped with SIGSTOP");
}

int cgroup_tree_open(struct cgroup_tree **ret, const char *folder, struct err *e)
{
	struct cgroup_tree *tree = calloc(1, sizeof *tree);
	char *mounts[CGROUP_HIERARCHIES] = { NULL };

	if (!tree)
		return err_nomem(e);
	hierarchies_find(mounts);
	for (int h = 0; h < CGROUP_HIERARCHIES; h++) {
		/* The freezer of version 1 is the last resort only. */
		if (!mounts[h] || (h == CGROUP_FREEZER && tree->path[CGROUP_V2]))
			continue;
		if (asprintf(&tree->path[h], "%s/%s", mounts[h], folder) < 0 ||
		    (mkdir(tree->path[h], 0755) < 0 && errno != EEXIST)) {
			log_warn("no cgroup under %s: %s", mounts[h], strerror(errno));
			free(tree->path[h]);
			tree->path[h] = NULL;
		}
	}
	if (tree->path[CGROUP_V2]) {
		tree->v2_memory = !tree->path[CGROUP_MEMORY] && v2_enable(mounts[CGROUP_V2], tree->path[CGROUP_V2], "memory");
		tree->v2_pids = !tree->path[CGROUP_PIDS] && v2_enable(mounts[CGROUP_V2], tree->path[CGROUP_V2], "pids");
	}
	for (int h = 0; h < CGROUP_HIERARCHIES; h++)
		free(mounts[h]);
	*ret = tree;
	return 0;
}

bool cgroup_tree_limits_pids(const struct cgroup_tree *tree)
{
	return tree->v2_pids || tree->path[CGROUP_PIDS];
}

static void procs_kill(const char *dir)
{
	char path[PATH_MAX];
	CLEANUP_FCLOSE FILE *in = NULL;
	int pid;

	snprintf(path, sizeof path, "%s/cgroup.procs", dir);
	in = fopen(path, "re");
	while (in && fscanf(in, "%d", &pid) == 1)
		if (pid > 1)
			kill(pid, SIGKILL);
}

static void path_kill(int hierarchy, const char *path)
{
	if (!path)
		return;
	if (hierarchy == CGROUP_V2 && value_write(path, "cgroup.kill", "1") == 0)
		return;
	/* With the freezer of version 1 a killed task stays until it is thawed. */
	if (hierarchy == CGROUP_FREEZER)
		value_write(path, "freezer.state", "THAWED");
	procs_kill(path);
}

/* A group can be removed once its last process is reaped. */
static void path_remove(int hierarchy, const char *path)
{
	long deadline = now_ms() + END_WAIT_MS;

	while (path && rmdir(path) < 0 && errno == EBUSY && now_ms() < deadline) {
		path_kill(hierarchy, path);
		pause_ms(1);
	}
}

void cgroup_tree_sweep(struct cgroup_tree *tree)
{
	for (int h = 0; h < CGROUP_HIERARCHIES; h++) {
		DIR *dir = tree->path[h] ? opendir(tree->path[h]) : NULL;
		struct dirent *entry;
		char path[PATH_MAX];

		while (dir && (entry = readdir(dir))) {
			if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
				continue;
			snprintf(path, sizeof path, "%s/%s", tree->path[h], entry->d_name);
			path_kill(h, path);
			path_remove(h, path);
		}
		if (dir)
			closedir(dir);
	}
	for (int h = 0; h < CGROUP_HIERARCHIES; h++)
		path_remove(h, tree->path[h]);
}

void cgroup_tree_close(struct cgroup_tree *tree)
{
	if (!tree)
		return;
	for (int h = 0; h < CGROUP_HIERARCHIES; h++)
		free(tree->path[h]);
	free(tree);
}

static void limits_set(struct cgroup *cgroup, unsigned memory_mb, unsigned pids)
{
	char text[32];
	bool v2 = cgroup->tree->v2_memory;

	snprintf(text, sizeof text, "%llu", (unsigned long long)memory_mb << 20);
	if (memory_mb && v2) {
		value_write(cgroup->path[CGROUP_V2], "memory.swap.max", "0");
		value_write(cgroup->path[CGROUP_V2], "memory.max", text);
	} else if (memory_mb) {
		value_write(cgroup->path[CGROUP_MEMORY], "memory.limit_in_bytes", text);
		value_write(cgroup->path[CGROUP_MEMORY], "memory.memsw.limit_in_bytes", text);
	}
	snprintf(text, sizeof text, "%u", pids);
	if (pids)
		value_write(cgroup->path[cgroup->tree->v2_pids ? CGROUP_V2 : CGROUP_PIDS], "pids.max", text);
}

int cgroup_create(struct cgroup_tree *tree, const char *name, unsigned memory_mb, unsigned pids, struct cgroup **ret, struct err *e)
{
	struct cgroup *cgroup = calloc(1, sizeof *cgroup);

	if (!cgroup)
		return err_nomem(e);
	cgroup->tree = tree;
	for (int h = 0; h < CGROUP_HIERARCHIES; h++) {
		if (!tree->path[h])
			continue;
		if (asprintf(&cgroup->path[h], "%s/%s", tree->path[h], name) < 0)
			cgroup->path[h] = NULL;
		if (!cgroup->path[h] || mkdir(cgroup->path[h], 0755) < 0) {
			err_errno(e, errno, "cgroup %s", name);
			cgroup_remove(cgroup);
			return -1;
		}
	}
	limits_set(cgroup, memory_mb, pids);
	*ret = cgroup;
	return 0;
}

int cgroup_open_procs(const struct cgroup *cgroup, int ret_fds[CGROUP_HIERARCHIES], struct err *e)
{
	for (int h = 0; h < CGROUP_HIERARCHIES; h++)
		ret_fds[h] = -1;
	for (int h = 0; h < CGROUP_HIERARCHIES; h++) {
		char path[PATH_MAX];

		if (!cgroup->path[h])
			continue;
		snprintf(path, sizeof path, "%s/cgroup.procs", cgroup->path[h]);
		ret_fds[h] = open(path, O_WRONLY | O_CLOEXEC);
		if (ret_fds[h] < 0)
			return err_errno(e, errno, "%s", path);
	}
	return 0;
}

static bool freeze_wait(const char *path)
{
	long deadline = now_ms() + FREEZE_WAIT_MS;
	char file[PATH_MAX], text[256];
	CLEANUP_CLOSE int fd = -1;

	snprintf(file, sizeof file, "%s/cgroup.events", path);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && now_ms() < deadline) {
		ssize_t n = pread(fd, text, sizeof text - 1, 0);

		if (n < 0)
			break;
		text[n] = '\0';
		if (value_keyed(text, "frozen") == 1)
			return true;
		poll(&(struct pollfd){ .fd = fd, .events = POLLPRI }, 1, 50);
	}
	return true;
}

bool cgroup_freeze(struct cgroup *cgroup)
{
	if (value_write(cgroup->path[CGROUP_V2], "cgroup.freeze", "1") == 0)
		return freeze_wait(cgroup->path[CGROUP_V2]);
	return value_write(cgroup->path[CGROUP_FREEZER], "freezer.state", "FROZEN") == 0;
}

bool cgroup_thaw(struct cgroup *cgroup)
{
	return value_write(cgroup->path[CGROUP_V2], "cgroup.freeze", "0") == 0 ||
	       value_write(cgroup->path[CGROUP_FREEZER], "freezer.state", "THAWED") == 0;
}

void cgroup_kill(struct cgroup *cgroup)
{
	for (int h = 0; h < CGROUP_HIERARCHIES; h++)
		path_kill(h, cgroup->path[h]);
}

unsigned cgroup_memory_peak_mb(const struct cgroup *cgroup)
{
	char text[64];
	bool read = cgroup->tree->v2_memory ? value_read(cgroup->path[CGROUP_V2], "memory.peak", text, sizeof text)
					    : value_read(cgroup->path[CGROUP_MEMORY], "memory.max_usage_in_bytes", text, sizeof text);

	return read ? (unsigned)((strtoull(text, NULL, 10) + (1u << 20) - 1) >> 20) : 0;
}

unsigned long cgroup_oom_kills(const struct cgroup *cgroup)
{
	char text[512];
	bool read = cgroup->tree->v2_memory ? value_read(cgroup->path[CGROUP_V2], "memory.events", text, sizeof text)
					    : value_read(cgroup->path[CGROUP_MEMORY], "memory.oom_control", text, sizeof text);

	return read ? value_keyed(text, "oom_kill") : 0;
}

void cgroup_remove(struct cgroup *cgroup)
{
	if (!cgroup)
		return;
	cgroup_kill(cgroup);
	for (int h = 0; h < CGROUP_HIERARCHIES; h++) {
		path_remove(h, cgroup->path[h]);
		free(cgroup->path[h]);
	}
	free(cgroup);
}
