/*
 * Unpacks a tar from stdin (plain or gzip) beneath a directory, as dockerd
 * does: what is in the way is replaced unless it is a directory and stays
 * one. Modes and times of directories come last, when nothing is written in
 * them any more. Owners are the function's user, who may give none away.
 */
#ifndef SOCKERLESS_AGENT_UNPACK_H
#define SOCKERLESS_AGENT_UNPACK_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct unpack {
	char root[PATH_MAX];   /* without a slash at its end; "" is the root */
	const char *shown;     /* the client's name of it */
	bool no_overwrite;     /* forbids a change between a directory and something else */
	/* Where a name goes, both beneath the root with a slash in front; false: nowhere. NULL: it stays as it is. */
	bool (*place)(const char *name, char *to, size_t size);
	bool whiteouts;        /* ".wh." names delete, as in the layers of images */
	int code;              /* of the process, once the client was told an error */
	struct unpack_state *state; /* unpack.c's own */
};

/* 0, or -1 after telling the client why not (u->code). */
int unpack_stdin(struct unpack *u);

#endif
