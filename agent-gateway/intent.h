/*
 * Intents: what clients asked for, as rows of the store. Each is taken up
 * once, done in the order of its container's intents, and answered in its
 * row; connections wait for that answer.
 */
#ifndef SOCKERLESS_GATEWAY_INTENT_H
#define SOCKERLESS_GATEWAY_INTENT_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct conn;
struct container;
struct gateway;
struct intent;

enum intent_verb { INTENT_START, INTENT_STOP, INTENT_RESTART, INTENT_KILL, INTENT_REMOVE, INTENT_PAUSE, INTENT_UNPAUSE, INTENT_VERBS };

/* What the loop has to do next for an intent that waits. */
enum intent_stage {
	INTENT_QUEUED,
	INTENT_STARTING, /* waits for the start's end */
	INTENT_SIGNAL,   /* waits for an agent to send its signal to */
	INTENT_FREEZE,   /* waits for the agent's word that the processes are paused, or go on */
	INTENT_EXIT,     /* waits for the run's end */
	INTENT_ANSWER,   /* is being written down */
};

#define INTENT_NAME_MAX 127

struct intent {
	TAILQ_ENTRY(intent) link;
	struct container *container; /* holds a reference */
	int64_t seq;
	enum intent_verb verb;
	enum intent_stage stage;
	int signal;     /* 0: the container's own */
	int64_t timeout; /* seconds, -1: for ever */
	int64_t signal_at; /* ns since the epoch: a predecessor of this process sent the signal then; 0: none did */
	bool force;
	char name[INTENT_NAME_MAX + 1]; /* the container's, in the client's words; "": its id */
	bool killed;    /* KILL was sent */
	struct event *timer;
};

struct intent_wait {
	LIST_ENTRY(intent_wait) link;
	int64_t seq;
	struct conn *conn;
};

struct intent_list {
	TAILQ_HEAD(, intent) queue;
	LIST_HEAD(, intent_wait) waits;
};

/* Looks at the store for intents that haven't been taken up (hint, tick, start). */
void intents_look(struct gateway *gw);

/* Begins what can be begun now. */
void intents_run(struct container *c);
/* The run ended; an agent is there (again). */
void intents_exited(struct container *c);
void intents_agent_here(struct container *c);
/* An intent to stop the run was taken up. */
bool intents_stopping(struct container *c);
/* One to end it in whatever way. */
bool intents_ending(struct container *c);
/* It starts again when the run has ended. */
bool intents_restarting(struct container *c);
/* It is to be removed as soon as its run has ended. */
bool intents_removing(struct container *c);

/* Writes the answer down, tells who waits, and frees it. */
void intent_finish(struct intent *in, int status, const char *message);

/* intent_past.c: the answers of the last intents, for clients that come when the rows are gone. */
struct intent_past;
struct intent_past *intent_past_new(void);
void intent_past_free(struct intent_past *p);
void intent_past_note(struct intent_past *p, int64_t seq, int status, const char *message);
/* Answers by the connection's argument `seq`; false: it isn't known. */
bool intent_past_answer(struct conn *c);

/* The answer as an HTTP reply. */
void intent_answer(struct conn *conn, int status, const char *message);

/* Number of "TERM", "SIGTERM" or "15"; 0 if it is none. */
int signal_from_name(const char *name);

#define SIGNAL_KILL 9

/* The verbs, one file each. */
void intent_start(struct intent *in);
void intent_stop(struct intent *in);  /* and the first half of restart */
void intent_kill(struct intent *in);
void intent_remove(struct intent *in);
void intent_pause(struct intent *in); /* and unpause */
/* The agent has done it. */
void intents_paused(struct container *c, bool paused);
/* Those that wait for the agent's word tell it once more. */
void intents_pause_again(struct container *c);
/* As dockerd: KILL ends a container, the signal that stops it, and any if it names none of its own. */
bool intent_signal_ends(const struct container *c, int signal);
/* A paused run that was sent such a signal goes on. */
void intent_wake(struct container *c, int signal);
/* The run that a stop, restart, kill or remove waited for has ended. */
void intent_stop_exited(struct intent *in);
void intent_remove_exited(struct intent *in);

/* Sends a signal to the run and tells it as an event; false: there is no agent. */
bool intent_signal(struct intent *in, int signal);
/* Calls fn in so many seconds. */
void intent_timer(struct intent *in, int64_t seconds, void (*fn)(struct intent *));

#endif
