/*
 * top: the container's processes in the columns that ps would have: of -ef
 * (the default), of aux and their kin, or those that -o names. There is no ps
 * in a function, so other arguments are refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent-gateway/agent/passwd.h"
#include "agent-gateway/agent/proc.h"
#include "agent-gateway/agent/task.h"
#include "lib/cleanup.h"

#define TEXT_MAX 4096
#define COLUMNS_MAX 32

struct machine {
	int64_t now, boot;
	unsigned long long memory;
	long ticks;
};

typedef void column_fn(const struct proc *p, const struct machine *m, char *text);

static double seconds(const struct proc *p, const struct machine *m)
{
	return (double)p->cpu_ticks / (double)m->ticks;
}

static int64_t started(const struct proc *p, const struct machine *m)
{
	return m->boot + (int64_t)(p->start_ticks / (unsigned long long)m->ticks);
}

static double cpu(const struct proc *p, const struct machine *m)
{
	int64_t age = m->now - started(p, m);

	return seconds(p, m) * 100 / (double)(age > 0 ? age : 1);
}

#define NUMBER(name, format, value) \
	static void name(const struct proc *p, const struct machine *m, char *text) \
	{ \
		(void)m; \
		snprintf(text, TEXT_MAX, format, value); \
	}

NUMBER(put_pid, "%d", (int)p->pid)
NUMBER(put_parent, "%d", (int)p->parent)
NUMBER(put_group, "%d", (int)p->group)
NUMBER(put_session, "%d", (int)p->session)
NUMBER(put_uid, "%u", (unsigned int)p->uid)
NUMBER(put_threads, "%d", p->threads)
NUMBER(put_nice, "%d", p->nice)
NUMBER(put_state, "%c", p->state)
NUMBER(put_vsz, "%llu", p->vsize / 1024)
NUMBER(put_rss, "%llu", p->rss / 1024)
NUMBER(put_c, "%d", cpu(p, m) > 99 ? 99 : (int)cpu(p, m))
NUMBER(put_cpu, "%.1f", cpu(p, m))
NUMBER(put_memory, "%.1f", m->memory ? (double)p->rss * 100 / (double)m->memory : 0.0)
NUMBER(put_name, "%s", p->name)

static void put_user(const struct proc *p, const struct machine *m, char *text)
{
	(void)m;
	passwd_name(p->uid, text, TEXT_MAX);
}

static void put_command(const struct proc *p, const struct machine *m, char *text)
{
	(void)m;
	proc_command(p, text, TEXT_MAX);
}

static void put_tty(const struct proc *p, const struct machine *m, char *text)
{
	unsigned int device = (unsigned int)p->tty, major = device >> 8 & 0xfff, minor = (device & 0xff) | (device >> 12 & 0xfff00);

	(void)m;
	if (major >= 136 && major <= 143)
		snprintf(text, TEXT_MAX, "pts/%u", (major - 136) * 256 + minor);
	else
		strcpy(text, "?");
}

static void put_stat(const struct proc *p, const struct machine *m, char *text)
{
	(void)m;
	snprintf(text, TEXT_MAX, "%c%s%s%s%s", p->state, p->nice < 0 ? "<" : p->nice > 0 ? "N" : "", p->session == p->pid ? "s" : "",
		 p->threads > 1 ? "l" : "", p->tty && p->foreground == p->group ? "+" : "");
}

static void put_start(const struct proc *p, const struct machine *m, char *text)
{
	time_t at = (time_t)started(p, m);
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(text, TEXT_MAX, m->now - at < 24 * 3600 ? "%H:%M" : "%b%d", &tm);
}

static void put_time(const struct proc *p, const struct machine *m, char *text)
{
	long s = (long)seconds(p, m);

	snprintf(text, TEXT_MAX, "%02ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

static void put_bsd_time(const struct proc *p, const struct machine *m, char *text)
{
	long s = (long)seconds(p, m);

	snprintf(text, TEXT_MAX, "%ld:%02ld", s / 60, s % 60);
}

static void put_elapsed(const struct proc *p, const struct machine *m, char *text)
{
	int64_t s = m->now - started(p, m);
	long days = (long)(s / 86400), h = (long)(s / 3600 % 24), min = (long)(s / 60 % 60), sec = (long)(s % 60);

	if (days)
		snprintf(text, TEXT_MAX, "%ld-%02ld:%02ld:%02ld", days, h, min, sec);
	else if (h)
		snprintf(text, TEXT_MAX, "%02ld:%02ld:%02ld", h, min, sec);
	else
		snprintf(text, TEXT_MAX, "%02ld:%02ld", min, sec);
}

/* By ps's keyword; several may have one title. */
static const struct column {
	const char *key, *title;
	column_fn *put;
} columns[] = {
	{ "pid", "PID", put_pid },         { "ppid", "PPID", put_parent },   { "pgid", "PGID", put_group },
	{ "pgrp", "PGRP", put_group },     { "sid", "SID", put_session },    { "sess", "SESS", put_session },
	{ "user", "USER", put_user },      { "euser", "EUSER", put_user },   { "uname", "USER", put_user },
	{ "uid", "UID", put_uid },         { "euid", "EUID", put_uid },      { "nlwp", "NLWP", put_threads },
	{ "ni", "NI", put_nice },          { "nice", "NI", put_nice },       { "s", "S", put_state },
	{ "state", "S", put_state },       { "stat", "STAT", put_stat },     { "vsz", "VSZ", put_vsz },
	{ "vsize", "VSZ", put_vsz },       { "rss", "RSS", put_rss },        { "rssize", "RSS", put_rss },
	{ "c", "C", put_c },               { "%cpu", "%CPU", put_cpu },      { "pcpu", "%CPU", put_cpu },
	{ "%mem", "%MEM", put_memory },    { "pmem", "%MEM", put_memory },   { "comm", "COMMAND", put_name },
	{ "ucmd", "CMD", put_name },       { "ucomm", "COMMAND", put_name }, { "args", "COMMAND", put_command },
	{ "command", "COMMAND", put_command }, { "cmd", "CMD", put_command }, { "tty", "TT", put_tty },
	{ "tt", "TT", put_tty },           { "tname", "TTY", put_tty },      { "stime", "STIME", put_start },
	{ "start_time", "START", put_start }, { "time", "TIME", put_time },  { "cputime", "TIME", put_time },
	{ "bsdtime", "TIME", put_bsd_time }, { "etime", "ELAPSED", put_elapsed },
};

/* What a set of options shows; `owner` is the user's name under the title that ps gives it there. */
static const struct {
	const char *args, *columns, *owner;
} presets[] = {
	{ "-ef", "user,pid,ppid,c,stime,tname,time,cmd", "UID" },
	{ "aux", "user,pid,%cpu,%mem,vsz,rss,tname,stat,start_time,bsdtime,command", NULL },
	{ "-aux", "user,pid,%cpu,%mem,vsz,rss,tname,stat,start_time,bsdtime,command", NULL },
	{ "auxw", "user,pid,%cpu,%mem,vsz,rss,tname,stat,start_time,bsdtime,command", NULL },
	{ "auxww", "user,pid,%cpu,%mem,vsz,rss,tname,stat,start_time,bsdtime,command", NULL },
	{ "-efww", "user,pid,ppid,c,stime,tname,time,cmd", "UID" },
	{ "ax", "pid,tname,stat,bsdtime,command", NULL },
	{ "-e", "pid,tname,time,ucmd", NULL },
	{ "-A", "pid,tname,time,ucmd", NULL },
};

struct selection {
	const struct column *columns[COLUMNS_MAX];
	const char *owner;
	size_t n;
};

static bool select_columns(const char *list, struct selection *s)
{
	while (*list) {
		size_t len = strcspn(list, ", "), i = 0;

		while (i < sizeof columns / sizeof *columns && (strlen(columns[i].key) != len || strncmp(columns[i].key, list, len)))
			i++;
		if (i == sizeof columns / sizeof *columns || s->n == COLUMNS_MAX)
			return false;
		s->columns[s->n++] = &columns[i];
		list += len;
		list += *list && list[1] ? 1 : 0;
		if (!list[strspn(list, ", ")])
			break;
	}
	return s->n > 0;
}

static bool read_args(const char *args, struct selection *s)
{
	static const char *const outputs[] = { "-eo ", "-eo", "-Ao ", "-axo ", "axo ", "-o ", "-o", "o " };

	for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
		if (!strcmp(args, presets[i].args)) {
			s->owner = presets[i].owner;
			return select_columns(presets[i].columns, s);
		}
	for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
		if (!strncmp(args, outputs[i], strlen(outputs[i])))
			return select_columns(args + strlen(outputs[i]), s);
	return false;
}

static bool has_pid(const struct selection *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->columns[i]->put == put_pid)
			return true;
	return false;
}

static bool add_text(struct json_object *array, const char *text)
{
	struct json_object *o = json_object_new_string(text);

	if (o && json_object_array_add(array, o) == 0)
		return true;
	json_object_put(o);
	return false;
}

static bool add_process(struct json_object *to, const struct proc *p, const struct machine *m, const struct selection *s)
{
	struct json_object *row = json_object_new_array();
	char text[TEXT_MAX];

	if (!row || json_object_array_add(to, row) < 0) {
		json_object_put(row);
		return false;
	}
	for (size_t i = 0; i < s->n; i++) {
		s->columns[i]->put(p, m, text);
		if (!add_text(row, text))
			return false;
	}
	return true;
}

static bool fill(struct json_object *body, const struct selection *s)
{
	struct json_object *processes = json_object_new_array(), *titles = json_object_new_array();
	const struct machine m = { .now = time(NULL), .boot = proc_boot_time(), .memory = proc_memory(), .ticks = sysconf(_SC_CLK_TCK) };
	CLEANUP_FREE struct proc *procs = NULL;
	size_t n = proc_table(getppid(), &procs);

	if (!json_add(body, "Processes", processes) || !json_add(body, "Titles", titles))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!add_process(processes, &procs[i], &m, s))
			return false;
	for (size_t i = 0; i < s->n; i++)
		if (!add_text(titles, s->columns[i]->put == put_user && s->owner ? s->owner : s->columns[i]->title))
			return false;
	return true;
}

int task_top(struct json_object *open)
{
	CLEANUP_JSON struct json_object *head = json_object_new_object(), *body = json_object_new_object();
	const char *args = json_str(open, "ps_args", "");
	struct selection s = { .n = 0 };
	const char *text;

	if (!read_args(*args ? args : "-ef", &s))
		return task_fail(400, "ps %.200s is not supported: a function has no ps; -ef, aux, ax, -e and -o with its usual columns are known",
				 args);
	if (!has_pid(&s))
		return task_fail(500, "Couldn't find PID field in ps output");
	if (!body || !fill(body, &s))
		return task_fail(500, "out of memory");
	if (!json_add_str(head, "type", "application/json") || task_head(200, head) < 0)
		return 1;
	text = json_text(body);
	return task_write(text, strlen(text)) < 0 || task_write("\n", 1) < 0;
}
