/*
 * Output as `docker logs` shows it: lines of stdout and stderr in the order
 * in which they were complete. Made from spool records.
 */
#ifndef SOCKERLESS_GATEWAY_LOG_LINES_H
#define SOCKERLESS_GATEWAY_LOG_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "agent-gateway/spool_record.h"
#include "lib/buf.h"

#define LOG_LINE_MAX (16 * 1024) /* longer lines come in parts */

/* A line, with its newline if it has one. False ends the feeding. */
typedef bool log_line_fn(void *arg, unsigned int channel, int64_t time, const char *text, size_t len);

struct log_lines {
	struct {
		struct buf part;  /* of a line that isn't complete */
		int64_t time;     /* of its first byte */
	} channel[SPOOL_CHANNELS];
	uint32_t run;
	bool want[SPOOL_CHANNELS];
};

void log_lines_init(struct log_lines *l, bool out, bool err);
void log_lines_free(struct log_lines *l);
/* False: fn said so, or memory is out. */
bool log_lines_feed(struct log_lines *l, const struct spool_record *r, log_line_fn *fn, void *arg);
/* The lines that no newline ended. */
bool log_lines_flush(struct log_lines *l, log_line_fn *fn, void *arg);

#endif
