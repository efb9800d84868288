#include "agent-gateway/agent/children.h"

#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/log.h"

#define PROCESSES_MAX 65536

struct process_row {
	pid_t pid, parent;
	bool zombie, ours;
};

static bool read_row(const char *pid, struct process_row *ret)
{
	CLEANUP_FCLOSE FILE *f = NULL;
	char path[64], line[1024], state, *after;
	int parent;

	snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof line, f))
		return false;
	/* The name may hold anything, parentheses too: the last one ends it. */
	after = strrchr(line, ')');
	if (!after || sscanf(after + 1, " %c %d", &state, &parent) != 2)
		return false;
	*ret = (struct process_row){ .pid = (pid_t)atoi(pid), .parent = parent, .zombie = state == 'Z' || state == 'X' };
	return true;
}

static size_t read_table(struct process_row **ret)
{
	struct process_row *rows = NULL, *more;
	DIR *proc = opendir("/proc");
	struct dirent *d;
	size_t n = 0, room = 0;

	while (proc && n < PROCESSES_MAX && (d = readdir(proc))) {
		if (d->d_name[0] < '1' || d->d_name[0] > '9')
			continue;
		if (n == room) {
			room = room ? 2 * room : 64;
			more = realloc(rows, room * sizeof *rows);
			if (!more)
				break;
			rows = more;
		}
		if (read_row(d->d_name, &rows[n]))
			n++;
	}
	if (proc)
		closedir(proc);
	*ret = rows;
	return n;
}

/* Marks everything beneath `root`; a pass that marks nothing more is the last. */
static void mark_descendants(struct process_row *rows, size_t n, pid_t root)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < n; i++) {
			bool below = rows[i].parent == root;

			if (rows[i].ours)
				continue;
			for (size_t k = 0; !below && k < n; k++)
				below = rows[k].ours && rows[k].pid == rows[i].parent;
			rows[i].ours = below;
			more |= below;
		}
	}
}

int children_kill(void)
{
	CLEANUP_FREE struct process_row *rows = NULL;
	size_t n = read_table(&rows);
	int living = 0;

	/* As process 1 of its own namespace the agent has the kernel do it, at once and without a race. */
	if (getpid() == 1)
		kill(-1, SIGKILL);
	mark_descendants(rows, n, getpid());
	for (size_t i = 0; i < n; i++) {
		if (!rows[i].ours || rows[i].zombie)
			continue;
		living++;
		kill(rows[i].pid, SIGKILL);
	}
	return living;
}

bool child_handles(pid_t pid, int sig)
{
	CLEANUP_FCLOSE FILE *f = NULL;
	char path[64], line[256];
	unsigned long long caught;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "SigCgt: %llx", &caught) == 1)
			return sig >= 1 && sig <= 64 && (caught >> (sig - 1) & 1);
	return false;
}

void child_signal_first(pid_t pid, int sig)
{
	if (sig == SIGKILL || sig == SIGSTOP || sig == SIGCONT || child_handles(pid, sig))
		kill(pid, sig);
	else
		log_debug("signal %d isn't delivered: process %d has no handler", sig, (int)pid);
}
