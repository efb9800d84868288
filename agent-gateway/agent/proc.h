/* A process as /proc shows it. */
#ifndef SOCKERLESS_AGENT_PROC_H
#define SOCKERLESS_AGENT_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct proc {
	pid_t pid, parent, group, session, foreground;
	char state;
	int tty, threads, nice, priority;
	unsigned long long cpu_ticks;   /* user and system */
	unsigned long long user_ticks;
	unsigned long long child_ticks; /* of children that ended and were waited for */
	unsigned long long start_ticks; /* since the boot */
	unsigned long long vsize;       /* bytes */
	unsigned long long rss;         /* bytes */
	uid_t uid;
	char name[64];                  /* comm */
};

/* The container's processes: what is beneath `agent`, its tasks excepted. *ret is owned. */
size_t proc_table(pid_t agent, struct proc **ret);

/* The command line, its arguments joined by blanks; "[name]" if there is none. */
void proc_command(const struct proc *p, char *text, size_t size);

/* Seconds since the epoch at which the machine was booted; 0: unknown. */
int64_t proc_boot_time(void);
/* Bytes that the process and those it waited for had from and for block devices. Zeros if /proc doesn't tell. */
void proc_block_io(pid_t pid, unsigned long long *ret_read, unsigned long long *ret_written);
/* Bytes of memory of the machine; 0: unknown. */
unsigned long long proc_memory(void);
/*
 * Processes that the machine's kernel has killed for want of memory. On Lambda a function has a machine of its own; under
 * sockerless-local-lambda all functions share one, and the sandbox shows them no cgroup that would count theirs alone.
 */
unsigned long long proc_oom_kills(void);

#endif
