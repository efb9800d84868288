/*
 * A container as the loop knows it: loaded from the store when somebody
 * needs it, kept while it has a user or a run that hasn't ended. Its row is
 * moved by the gateway alone from `starting` on, so what is here is what is
 * committed.
 */
#ifndef SOCKERLESS_GATEWAY_CONTAINER_H
#define SOCKERLESS_GATEWAY_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "agent-gateway/gateway.h"
#include "agent-gateway/input.h"
#include "agent-gateway/intent.h"
#include "agent-gateway/spooler.h"
#include "lib/ids.h"
#include "lib/lifecycle.h"

/* What watchers are told. */
enum news {
	NEWS_OUTPUT,       /* there is more in the spool */
	NEWS_STARTED,
	NEWS_START_FAILED,
	NEWS_EXITED,
	NEWS_REMOVED,      /* comes after one of the two above, or alone */
};

struct watcher {
	TAILQ_ENTRY(watcher) link;
	uint64_t round;
	void (*told)(struct watcher *w, enum news news);
};

TAILQ_HEAD(watcher_list, watcher);

struct container {
	char id[ID_HEX_LEN + 1]; /* first: table.h */
	struct gateway *gw;
	unsigned int refs;
	char *tenant;
	char *function_name;
	enum container_state state;
	int64_t timeout;         /* seconds, the function's */
	bool auto_remove, tty, open_stdin, stdin_once;
	int exit_code;
	int stop_signal;
	char *error;
	bool going;              /* is freed soon, if nobody comes */
	bool start_failed;       /* the newest run never began */
	struct run *run;         /* not ended; NULL: none */
	int64_t restart_at;      /* its policy starts it then (ns since the epoch); 0: it doesn't */
	struct event *restart;   /* when that is; NULL: it never did */
	bool starting;           /* from taking up a start until it is answered */
	struct spooler *spooler;
	struct input input;      /* stdin of the run, or of the next one */
	struct watcher_list watchers;
	uint64_t round;
	struct intent_list intents;
};

/* Answers from the loop, later. On failure c is NULL; else the callee gets a reference. */
typedef void container_ready(void *arg, struct container *c, const struct err *e);
void container_open(struct gateway *gw, const char *id, container_ready *ready, void *arg);

void container_ref(struct container *c);
void container_unref(struct container *c);

void container_watch(struct container *c, struct watcher *w);
void container_unwatch(struct container *c, struct watcher *w);
/* Watchers may come and go while they are told. */
void container_tell(struct container *c, enum news news);

/* Its process is there, paused or not. */
bool container_running(const struct container *c);
/* Borrows error. */
void container_set_ended(struct container *c, int code, const char *error, bool start_failed);

/* Calls fn(arg) from the loop, when the present callbacks have returned. */
void gateway_later(struct gateway *gw, void (*fn)(void *), void *arg);

#endif
