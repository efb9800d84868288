/*
 * A layer of a container's own that is made longer: a copy of what it was, to
 * which members are added, takes its place as a whole.
 */
#ifndef SOCKERLESS_FCGI_STAGE_OUTPUT_H
#define SOCKERLESS_FCGI_STAGE_OUTPUT_H

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>

#include "fcgi/container_files.h"

struct stage_output {
	struct archive *tar;
	int fd;
	char path[4096], new_path[4096 + 8];
	bool before; /* there was one */
	bool used;   /* something was added */
	size_t entries, text; /* members, and bytes of their names */
};
#define STAGE_OUTPUT_INIT { .fd = -1 }

/* Waits until nobody else is at it. */
int stage_output_open(struct stage_output *o, const struct request *req, const char *id, enum container_layer layer, struct err *e);
/* The head of a member, whose data are the caller's to write. ERR_TOO_LARGE for more of them than a layer that can be read again. */
int stage_output_add(struct stage_output *o, struct archive_entry *entry, struct err *e);
/* ERR_TOO_LARGE once it has become longer than one. */
int stage_output_check(struct stage_output *o, struct err *e);
/* The tar's end; all of it is on the disk. */
int stage_output_sync(struct stage_output *o, struct err *e);
/* In place of what was there, if it was used; the directory is the caller's to sync. */
int stage_output_take(struct stage_output *o, struct err *e);
/* Gives it up. */
void stage_output_drop(struct stage_output *o);
void stage_output_close(struct stage_output *o);
/* What libarchive said. Returns -1. */
int stage_output_failed(struct stage_output *o, struct err *e);

#endif
