/* The thread that does all file I/O of the spools, and its jobs. */
#ifndef SOCKERLESS_GATEWAY_SPOOL_THREAD_H
#define SOCKERLESS_GATEWAY_SPOOL_THREAD_H

#include "agent-gateway/job.h"
#include "agent-gateway/spool.h"
#include "agent-gateway/spool_tail.h"
#include "lib/buf.h"

#define SPOOL_DIR_MAX 4000

/* The argument of worker_start is the state directory: the spools of containers that are gone are swept by the caller. */
extern const struct worker_ops spool_thread_ops;

/* A spool that is opened when the thread first needs it. */
struct spool_handle;
struct spool_handle *spool_handle_new(const char *dir, const struct spool_limits *limits);
void spool_handle_free(struct spool_handle *h); /* one that no job uses */

struct spool_offsets_job {
	struct job job;
	struct spool_handle *handle;
	struct spool_offsets offsets;
};

struct spool_append_job {
	struct job job;
	struct spool_handle *handle;
	struct buf records;           /* as spool_record_lay made them; freed by the poster */
	uint64_t keep;                /* see spool_trim */
	struct spool_offsets offsets; /* what is safe after it, also if it failed half-way */
};

struct spool_read_job {
	struct job job;
	struct spool_handle *handle;
	struct spool_position position;
	bool seek_end;
	bool seek_tail;               /* a step of it: nothing is read */
	bool tail_found;              /* position is where it begins */
	struct spool_tail tail;
	bool absent;                  /* there is no spool: none was begun, or it is gone */
	struct buf data;              /* freed by the poster */
};

/* Makes the directory, too, so that a spool that is gone differs from one without output. */
void spool_post_offsets(struct gateway *gw, struct spool_handle *h, struct spool_offsets_job *j, void (*done)(struct job *));
void spool_post_append(struct gateway *gw, struct spool_handle *h, struct spool_append_job *j, void (*done)(struct job *));
void spool_post_read(struct gateway *gw, struct spool_handle *h, struct spool_read_job *j, void (*done)(struct job *));
/* Takes the handle over. */
void spool_post_close(struct gateway *gw, struct spool_handle *h, bool remove, void (*done)(struct job *));

#endif
