/*
 * The loop's side of a container's spool: what goes to the spool thread and
 * comes back. Appends that come while one is under way are written together.
 */
#ifndef SOCKERLESS_GATEWAY_SPOOLER_H
#define SOCKERLESS_GATEWAY_SPOOLER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "agent-gateway/job.h"
#include "agent-gateway/spool.h"
#include "lib/buf.h"

struct spooler;
struct reader;

struct spooler *spooler_new(struct gateway *gw, const char *container, const struct spool_limits *limits); /* NULL when memory is out */
/* `remove`: with the files. What is under way is finished first. */
void spooler_free(struct spooler *s, bool remove);

/* Asks for the offsets that are safe. */
typedef void spooler_opened(void *arg, const struct spool_offsets *offsets, const struct err *e);
void spooler_offsets(struct spooler *s, spooler_opened *opened, void *arg);

/* Takes a record in; `written` is told after each write() with what is safe then. False when memory is out. */
bool spooler_append(struct spooler *s, const struct spool_record *r);
typedef void spooler_written(void *arg, const struct spool_offsets *offsets);
void spooler_on_written(struct spooler *s, spooler_written *written, void *arg);

/*
 * A reader at its own pace. reader_next asks for a chunk; `chunk` answers
 * from the loop with whole records, or with none at the end of what is there.
 * One request at a time.
 */
typedef void reader_chunk(void *arg, const uint8_t *data, size_t len, const struct err *e);
struct reader *reader_new(struct spooler *s, reader_chunk *chunk, void *arg);
void reader_free(struct reader *r); /* NULL is fine; a request under way is forgotten */
void reader_next(struct reader *r);
bool reader_busy(const struct reader *r);
/* Of an empty chunk: there is no spool at all. */
bool reader_absent(const struct reader *r);
/* The next chunk begins where the spool ends when the spool thread gets to it; output appended before is not read. */
void reader_seek_end(struct reader *r);
/* Before the first chunk: begins not far before the last `lines` lines of these channels; see spool_tail. */
void reader_seek_tail(struct reader *r, uint64_t lines, bool out, bool err);
/* Backwards to where it began. */
void reader_rewind(struct reader *r);

#endif
