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
#define STOP_PASSES 16

struct process_row {
	pid_t pid, parent;
	bool zombie, stopped, ours;
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
	*ret = (struct process_row){ .pid = (pid_t)atoi(pid), .parent = parent, .zombie = state == 'Z' || state == 'X',
				    .stopped = state == 'T' };
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

static void mark_beneath(struct process_row *rows, size_t n, pid_t root)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].pid == root || rows[i].parent == root) {
			bool before = rows[i].ours;

			rows[i].ours = false;
			if (before && rows[i].pid != root)
				mark_beneath(rows, n, rows[i].pid);
		}
}

static bool remember(struct children_stopped *s, pid_t pid)
{
	pid_t *more = s->n % 64 ? s->pids : realloc(s->pids, (s->n + 64) * sizeof *more);

	if (!more)
		return false;
	s->pids = more;
	s->pids[s->n++] = pid;
	return true;
}

/* Rows beneath `parent`, depth first. Returns how many were stopped. */
static int stop_beneath(struct process_row *rows, size_t n, pid_t parent, struct children_stopped *s)
{
	int count = 0;

	for (size_t i = 0; i < n; i++) {
		if (!rows[i].ours || rows[i].parent != parent)
			continue;
		rows[i].ours = false;
		if (!rows[i].zombie && !rows[i].stopped && remember(s, rows[i].pid)) {
			count++;
			kill(rows[i].pid, SIGSTOP);
		}
		count += stop_beneath(rows, n, rows[i].pid, s);
	}
	return count;
}

void children_stop(struct children_stopped *s, bool (*spared)(void *arg, pid_t pid), void *arg)
{
	/* Those that were forked during a pass are found by the next; a signal that isn't seen yet counts once more at most. */
	for (int pass = 0; pass < STOP_PASSES; pass++) {
		CLEANUP_FREE struct process_row *rows = NULL;
		size_t n = read_table(&rows);

		mark_descendants(rows, n, getpid());
		for (size_t i = 0; i < n; i++)
			if (rows[i].ours && spared(arg, rows[i].pid))
				mark_beneath(rows, n, rows[i].pid);
		if (!stop_beneath(rows, n, getpid(), s))
			return;
	}
}

void children_continue(struct children_stopped *s)
{
	while (s->n)
		kill(s->pids[--s->n], SIGCONT);
	free(s->pids);
	*s = (struct children_stopped){ 0 };
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
