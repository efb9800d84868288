/*
 * A container's output on disk: segment files of records in a directory of
 * its own. Everything here does file I/O: only the spool thread calls it.
 */
#ifndef SOCKERLESS_GATEWAY_SPOOL_H
#define SOCKERLESS_GATEWAY_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "agent-gateway/spool_record.h"
#include "lib/buf.h"
#include "lib/err.h"

#define SPOOL_SEGMENT (1u << 20)  /* bytes after which a new segment begins: what a reader of the last lines reads at least */
#define SPOOL_READ (128 * 1024)   /* bytes of records read at once */

#define SPOOL_SEGMENT_MIN 4096    /* the least that a file takes */

struct spool;

/* What is kept. */
struct spool_limits {
	uint64_t total;   /* bytes of all segments */
	uint64_t segment; /* bytes after which a new one begins; 0: SPOOL_SEGMENT */
	uint64_t files;   /* segments, the newest included; 0: any number */
};

/* A place between two records. All zero: the oldest record that is there. */
struct spool_position {
	uint64_t segment;
	uint64_t at;
};

/* `dir` is made by the first append. A torn tail is cut. */
int spool_open(struct spool **ret, const char *dir, const struct spool_limits *limits, struct err *e);
void spool_close(struct spool *s); /* NULL is fine */
/* Deletes a container's directory; one that isn't there is success. */
int spool_remove(const char *dir, struct err *e);

void spool_offsets(const struct spool *s, struct spool_offsets *ret);
void spool_end(const struct spool *s, struct spool_position *ret);
/* The oldest and the newest segment; 0: there is none. */
void spool_segments(const struct spool *s, uint64_t *ret_first, uint64_t *ret_last);
/* How far each channel was where a segment begins. */
int spool_begin(const struct spool *s, uint64_t segment, struct spool_offsets *ret, struct err *e);

/*
 * Appends what is new of a record: what lies below the channel's offset is
 * dropped, and so is a record of an older run. A record of a newer run starts
 * at offset 0. It may be cut after a newline where a segment ends. On failure
 * (disk full) nothing of what the offsets don't tell stands in the file.
 */
int spool_append(struct spool *s, const struct spool_record *r, struct err *e);

/* Deletes the oldest segments while there is more than the limits say, but none from `keep` on until there is twice as much. 0: keep none. */
void spool_trim(struct spool *s, uint64_t keep);

/*
 * Appends whole records from `position` on to ret and moves position behind
 * them; nothing is appended at the end. A segment that was deleted meanwhile
 * is skipped.
 */
int spool_read(struct spool *s, struct spool_position *position, struct buf *ret, struct err *e);

#endif
