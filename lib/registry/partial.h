/*
 * The bytes of a layer that is being pulled, in a file of their own, so that
 * they needn't be asked for again if the pull dies. Whoever uses one holds the
 * layer's turn (lib/registry/turn.h). Nothing here fails: without room or
 * permission less is kept.
 */
#ifndef SOCKERLESS_REGISTRY_PARTIAL_H
#define SOCKERLESS_REGISTRY_PARTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct partial {
	int fd;         /* -1: nothing is kept */
	char *path;     /* owned */
	int64_t had;    /* bytes of an earlier pull, not known to be right */
	int64_t limit;
	int64_t room;   /* bytes that may be added; negative: no more */
	int64_t unseen; /* bytes that were added since it was looked what there is */
	bool wrong;     /* what was kept turned out to be wrong, and is gone */
};

#define PARTIAL_NONE { .fd = -1 }

/*
 * `dir` is made if it isn't there; `owner`: as a part of a file's name. Together an owner's files
 * hold `limit` bytes at most, and a few MiB more for each layer that comes at the same moment; a twentieth of the
 * disk stays free.
 */
void partial_open(const char *dir, const char *owner, const char *digest, int64_t limit, struct partial *ret);
/* What follows the bytes that are there. */
void partial_add(struct partial *p, const void *data, size_t len);
/* Removes the file: it has served, or can't be written. */
void partial_drop(struct partial *p);
/* The same because it holds what is wrong: p->wrong tells it. */
void partial_drop_wrong(struct partial *p);
/* Leaves the file for the next pull. */
void partial_close(struct partial *p);

#endif
