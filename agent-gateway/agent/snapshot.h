/*
 * What stands beneath a directory at one moment, and what differs from it
 * later. A file is known by inode and change time, which every write, every
 * change of mode and every new name moves on, whatever a process says about
 * the other times. Blocking; nothing is opened but directories.
 */
#ifndef SOCKERLESS_AGENT_SNAPSHOT_H
#define SOCKERLESS_AGENT_SNAPSHOT_H

#include <stdbool.h>
#include <sys/stat.h>

/* Trees with more entries aren't looked at: a snapshot of one is NULL. */
#define SNAPSHOT_MAX 500000

struct snapshot;

/* NULL: no memory, too many entries, or the directory can't be read. */
struct snapshot *snapshot_take(const char *root);
void snapshot_free(struct snapshot *s);

/* The numbers are Docker's. */
enum snapshot_kind { SNAPSHOT_CHANGED, SNAPSHOT_ADDED, SNAPSHOT_DELETED };

struct snapshot_change {
	enum snapshot_kind kind;
	const char *path;      /* beneath the root, without a slash in front */
	const char *whole;     /* the same with the root; NULL of what was deleted */
	const struct stat *st; /* of a link itself; NULL of what was deleted */
};

/*
 * Calls `each` for every difference, a directory before what is in it; of a
 * deleted tree for its top alone. The root itself is none. What `each`
 * returns other than 0 ends the walk and is returned; -1 also if the tree can't be read.
 */
int snapshot_compare(const struct snapshot *s, const char *root, int (*each)(void *arg, const struct snapshot_change *c), void *arg);

/* Whether anything differs, or can't be told. */
bool snapshot_differs(const struct snapshot *s, const char *root);

#endif
