#include "agent-gateway/agent/proc.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent-gateway/agent/task.h"
#include "lib/cleanup.h"

#define PROCESSES_MAX 65536

static bool read_owner(const char *pid, struct proc *p)
{
	CLEANUP_FCLOSE FILE *f = NULL;
	char path[64], line[256];
	unsigned int uid;

	snprintf(path, sizeof path, "/proc/%.20s/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "Uid: %*u %u", &uid) == 1) {
			p->uid = uid;
			return true;
		}
	return false;
}

static bool read_proc(const char *pid, struct proc *ret)
{
	CLEANUP_FCLOSE FILE *f = NULL;
	char path[64], line[1024], *begin, *end;
	unsigned long long user, system, ended[2];
	struct proc p = { .pid = (pid_t)atoi(pid) };
	long rss;

	snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof line, f))
		return false;
	/* The name may hold anything, parentheses too: the last one ends it. */
	begin = strchr(line, '(');
	end = strrchr(line, ')');
	if (!begin || !end || end < begin)
		return false;
	*end = '\0';
	snprintf(p.name, sizeof p.name, "%s", begin + 1);
	if (sscanf(end + 1, " %c %d %d %d %d %d %*u %*u %*u %*u %*u %llu %llu %llu %llu %d %d %d %*d %llu %llu %ld", &p.state, &p.parent,
		   &p.group, &p.session, &p.tty, &p.foreground, &user, &system, &ended[0], &ended[1], &p.priority, &p.nice, &p.threads, &p.start_ticks,
		   &p.vsize, &rss) != 16)
		return false;
	p.cpu_ticks = user + system;
	p.user_ticks = user;
	p.child_ticks = ended[0] + ended[1];
	p.rss = rss > 0 ? (unsigned long long)rss * (unsigned long long)sysconf(_SC_PAGESIZE) : 0;
	if (!read_owner(pid, &p))
		return false;
	*ret = p;
	return true;
}

static size_t read_all(struct proc **ret)
{
	DIR *dir = opendir("/proc");
	struct proc *procs = NULL, *more;
	size_t n = 0, room = 0;
	struct dirent *d;

	while (dir && n < PROCESSES_MAX && (d = readdir(dir))) {
		if (d->d_name[0] < '1' || d->d_name[0] > '9')
			continue;
		if (n == room) {
			room = room ? 2 * room : 64;
			more = realloc(procs, room * sizeof *procs);
			if (!more)
				break;
			procs = more;
		}
		if (read_proc(d->d_name, &procs[n]))
			n++;
	}
	if (dir)
		closedir(dir);
	*ret = procs;
	return n;
}

/* Moves p and what is beneath it to the front, where `kept` are already. */
static size_t keep_beneath(struct proc *all, size_t n, size_t kept, pid_t agent)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = kept; i < n; i++) {
			bool ours = all[i].parent == agent && strcmp(all[i].name, TASK_COMM) != 0;
			struct proc moved = all[i];

			for (size_t k = 0; !ours && k < kept; k++)
				ours = all[k].pid == all[i].parent;
			if (!ours)
				continue;
			all[i] = all[kept];
			all[kept++] = moved;
			more = true;
		}
	}
	return kept;
}

static int by_pid(const void *a, const void *b)
{
	const struct proc *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

size_t proc_table(pid_t agent, struct proc **ret)
{
	size_t n = read_all(ret);

	n = keep_beneath(*ret, n, 0, agent);
	if (n)
		qsort(*ret, n, sizeof **ret, by_pid);
	return n;
}

void proc_command(const struct proc *p, char *text, size_t size)
{
	CLEANUP_FCLOSE FILE *f = NULL;
	char path[64];
	size_t n;

	snprintf(path, sizeof path, "/proc/%d/cmdline", (int)p->pid);
	f = fopen(path, "re");
	n = f ? fread(text, 1, size - 1, f) : 0;
	while (n && !text[n - 1])
		n--;
	text[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ')
			text[i] = ' ';
	if (!n)
		snprintf(text, size, p->state == 'Z' ? "[%s] <defunct>" : "[%s]", p->name);
}

/* The number behind the key at a line's beginning, both as the file has them; 0: there is none. */
static unsigned long long number_in(const char *path, const char *key)
{
	CLEANUP_FCLOSE FILE *f = fopen(path, "re");
	size_t len = strlen(key);
	char line[512];

	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, key, len) && line[len] == ' ')
			return strtoull(line + len, NULL, 10);
	return 0;
}

void proc_block_io(pid_t pid, unsigned long long *ret_read, unsigned long long *ret_written)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/io", (int)pid);
	*ret_read = number_in(path, "read_bytes:");
	*ret_written = number_in(path, "write_bytes:");
}

int64_t proc_boot_time(void)
{
	return (int64_t)number_in("/proc/stat", "btime");
}

unsigned long long proc_memory(void)
{
	return number_in("/proc/meminfo", "MemTotal:") * 1024;
}

unsigned long long proc_oom_kills(void)
{
	return number_in("/proc/vmstat", "oom_kill");
}
