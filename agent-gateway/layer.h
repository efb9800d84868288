/*
 * The layer of a container: what its runs wrote goes from the agent to a
 * file before the end of the run is committed, and back to the agent before
 * the process of the next one starts. Both are tasks of the agent, with
 * streams as task.h's have; what is cut is done again with the next connection.
 */
#ifndef SOCKERLESS_GATEWAY_LAYER_H
#define SOCKERLESS_GATEWAY_LAYER_H

#include <stdbool.h>

struct agent;
struct container;
struct run;
struct wire_message;

/* How far a run is with keeping what it wrote. */
enum layer_save {
	SAVE_NOTHING,   /* there is nothing to keep, or it is kept, or it can't be */
	SAVE_WANTED,
	SAVE_UNDER_WAY,
	SAVE_CUT,       /* the agent has gone; it will say again that it has something, or not come back */
};

/* Looks which files there are; then, if the agent is there already, run_send_spec(). */
void layer_find(struct run *r);
/* The agent holds its process: gives it the files, then run_send_spec() starts the process, or the start fails. */
void layer_restore(struct run *r);
/* The run has ended and r->save is SAVE_WANTED: calls run_exit_check() when it isn't any more. */
void layer_save(struct run *r);
/* The agent's connection was cut, or the run is over. */
void layer_cut(struct run *r);
/* Adds to State.Error why what the run wrote isn't kept; r->save is SAVE_NOTHING then. */
void layer_not_kept(struct run *r, const char *why);

/* A message about the stream of the run's transfer, if it has one of that id. False: it breaks the protocol. */
bool layer_message(struct agent *a, const struct wire_message *m);

/* Deletes a container's files. */
void layer_remove(struct container *c);

#endif
