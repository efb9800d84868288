/*
 * Cgroups as they are found: version 2 where it has the controllers, version
 * 1 beside it where it has not (hybrid), or none at all. Everything lies under
 * one folder for each sandbox host, so that two of them don't meet.
 */
#ifndef SOCKERLESS_LOCAL_CGROUP_H
#define SOCKERLESS_LOCAL_CGROUP_H

#include <stdbool.h>

#include "lib/err.h"

enum cgroup_hierarchy { CGROUP_V2, CGROUP_MEMORY, CGROUP_PIDS, CGROUP_FREEZER, CGROUP_HIERARCHIES };

struct cgroup_tree;
struct cgroup;

/* Finds the hierarchies and makes `folder` in each. A machine without cgroups is no error. */
int cgroup_tree_open(struct cgroup_tree **ret, const char *folder, struct err *e);
/* Says in the log what this machine's cgroups can't do. */
void cgroup_tree_notices(const struct cgroup_tree *tree);
/* Kills whatever runs below the folder, waits for its end (bounded) and removes all groups, the folder last. */
void cgroup_tree_sweep(struct cgroup_tree *tree);
void cgroup_tree_close(struct cgroup_tree *tree);
/* Whether groups limit the number of processes. */
bool cgroup_tree_limits_pids(const struct cgroup_tree *tree);

/* memory_mb and pids 0: no limit. */
int cgroup_create(struct cgroup_tree *tree, const char *name, unsigned memory_mb, unsigned pids, struct cgroup **ret, struct err *e);
/* Open cgroup.procs files, -1 where there is none: a process that writes "0" to each is inside. The caller closes them. */
int cgroup_open_procs(const struct cgroup *cgroup, int ret_fds[CGROUP_HIERARCHIES], struct err *e);
/* False where only signals are left. Waits until everything stands (bounded). */
bool cgroup_freeze(struct cgroup *cgroup);
/* False as above. */
bool cgroup_thaw(struct cgroup *cgroup);
/* SIGKILL to everything inside, frozen or not. */
void cgroup_kill(struct cgroup *cgroup);
unsigned cgroup_memory_peak_mb(const struct cgroup *cgroup);
unsigned long cgroup_oom_kills(const struct cgroup *cgroup);
/* Kills, removes the groups, frees. */
void cgroup_remove(struct cgroup *cgroup);

#endif
