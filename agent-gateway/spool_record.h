/* The bytes of a spool: segment heads and records. Numbers are big endian. */
#ifndef SOCKERLESS_GATEWAY_SPOOL_RECORD_H
#define SOCKERLESS_GATEWAY_SPOOL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_CHANNELS 2 /* 0: stdout, 1: stderr */

/* Where a container's output stands: the newest run and how far each of its channels is. */
struct spool_offsets {
	uint32_t run;
	uint64_t offset[SPOOL_CHANNELS];
};

/* Magic (8), checksum of the rest (4), run (4), offsets (8 each). */
#define SPOOL_HEAD 32
void spool_head_put(uint8_t at[SPOOL_HEAD], const struct spool_offsets *o);
bool spool_head_get(const uint8_t at[SPOOL_HEAD], struct spool_offsets *ret);

/* Checksum of the rest (4), length (4), run (4), channel (4), offset (8), time (8); then the output itself. */
#define SPOOL_RECORD 32
#define SPOOL_RECORD_MAX (64 * 1024) /* bytes of output in one record */

struct spool_record {
	uint32_t run;
	unsigned int channel;
	uint64_t offset; /* in this run's channel */
	int64_t time;
	const uint8_t *data; /* borrowed */
	size_t len;
};

void spool_record_put(uint8_t at[SPOOL_RECORD], const struct spool_record *r);
/* The record at the beginning of `data`: its whole length; 0 if the bytes end before it does; -1 if they are no record. */
long spool_record_get(const uint8_t *data, size_t len, struct spool_record *ret);

/* The same without the checksum, on the way between threads: it would be a fifth of the gateway's work. */
void spool_record_lay(uint8_t at[SPOOL_RECORD], const struct spool_record *r);
long spool_record_peek(const uint8_t *data, size_t len, struct spool_record *ret);

#endif
