/*
 * The bytes of one output channel from what the gateway has made safe to what
 * was read last: a ring of WIRE_RETAIN bytes, with the time of each read.
 */
#ifndef SOCKERLESS_AGENT_RETAIN_H
#define SOCKERLESS_AGENT_RETAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RETAIN_READS 4096 /* so many reads are remembered; a program that writes single bytes fills these first */

struct retain {
	uint8_t *data;             /* WIRE_RETAIN bytes, owned */
	struct retain_read *reads; /* RETAIN_READS of them, owned */
	size_t first, count;       /* of reads */
	uint64_t start, end;       /* offsets in the channel: acknowledged, read */
};

/* False when out of memory. */
bool retain_init(struct retain *r);
void retain_free(struct retain *r);

/* How many more bytes one read may bring; 0: stop reading. */
size_t retain_room(const struct retain *r);
/* Appends at most retain_room() bytes that were read at `time`. */
void retain_add(struct retain *r, const void *data, size_t len, uint64_t time);
/* Forgets what lies before `offset`. False when it isn't within start and end. */
bool retain_ack(struct retain *r, uint64_t offset);
/* The bytes from `offset` that were read at once and lie together, at most `max`; 0 at the end. *ret_data is borrowed. */
size_t retain_at(const struct retain *r, uint64_t offset, size_t max, const uint8_t **ret_data, uint64_t *ret_time);

#endif
