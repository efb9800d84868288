/* Where the last lines of a spool begin, looked for from its end. File I/O. */
#ifndef SOCKERLESS_GATEWAY_SPOOL_TAIL_H
#define SOCKERLESS_GATEWAY_SPOOL_TAIL_H

#include "agent-gateway/spool.h"

/* Begin with `lines` and `want`; the rest is spool_tail's. */
struct spool_tail {
	uint64_t lines;
	bool want[SPOOL_CHANNELS];
	uint64_t next;      /* the segment that is looked at next; 0: none was */
	uint64_t found;     /* newlines in those behind it */
	uint64_t candidate; /* one from which enough lines follow; 0: none yet */
	bool unsure[SPOOL_CHANNELS]; /* whether the channel is within a line where the candidate begins */
};

/*
 * Reads one segment. 1: *ret is the beginning of a segment from which at least
 * so many lines of the wanted channels follow and where none of these is within
 * a line; all zero if the spool has none. 0: not yet, call it again.
 */
int spool_tail(struct spool *s, struct spool_tail *t, struct spool_position *ret, struct err *e);

#endif
