/*
 * Writes a tar to stdout. The second name of a file becomes a link to the
 * first; a file that changes meanwhile keeps the size that its entry said.
 */
#ifndef SOCKERLESS_AGENT_PACK_H
#define SOCKERLESS_AGENT_PACK_H

#include <stdbool.h>
#include <sys/stat.h>

struct archive;
struct archive_entry_linkresolver;

struct pack {
	struct archive *tar;
	struct archive_entry_linkresolver *links;
	char *block;
	bool own_is_root; /* what belongs to this process's user is root's in the tar */
};

/* Nothing is written yet. 0, or -1 when out of memory. */
int pack_open(struct pack *p);
/* `path`, whose stat (of a link itself) is st, under `name`. -1: the tar is broken. */
int pack_add(struct pack *p, const char *path, const char *name, const struct stat *st);
/* An empty file of that name. */
int pack_add_empty(struct pack *p, const char *name);
/* The tar's end, without which it is seen to be cut. Frees what pack_open() made. */
int pack_close(struct pack *p);

#endif
