/*
 * What a function's process writes, line by line into its log stream, and the
 * end of it for X-Amz-Log-Result. Thread-safe but for output_open and output_free.
 */
#ifndef SOCKERLESS_LOCAL_OUTPUT_H
#define SOCKERLESS_LOCAL_OUTPUT_H

#include <pthread.h>

#include "lib/buf.h"
#include "local-lambda/logs_store.h"

#define OUTPUT_TAIL_MAX 4096

struct output {
	struct logs *logs;
	int64_t stream;
	char stream_name[64];
	char group_name[96];
	pthread_mutex_t lock;
	int fd;            /* read end of the process's output; -1: none */
	struct buf line;   /* begun, not yet ended */
	char tail[OUTPUT_TAIL_MAX];
	size_t tail_len;
	pthread_t reader;
	bool reading;
};

/* Makes a stream of its own in the function's group. */
int output_open(struct output *o, struct logs *logs, const char *function, struct err *e);
void output_free(struct output *o);
/* Takes over the descriptor and reads it in a thread until its end. */
int output_attach(struct output *o, int fd, struct err *e);
/* Waits for the end of input; call it once nobody can write any more. */
void output_detach(struct output *o);
/* Takes what was written so far, a last line without its end too. */
void output_drain(struct output *o);
/* A line of the platform's own. */
void output_platform(struct output *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The tail begins anew. */
void output_tail_reset(struct output *o);
size_t output_tail(struct output *o, char *ret);

#endif
