/* Two connected sockets and what is under way between them; no loop of its own. */
#ifndef SOCKERLESS_LOCAL_RELAY_PAIR_H
#define SOCKERLESS_LOCAL_RELAY_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_BUFFER (64u << 10)

struct relay_way {
	size_t start, len;
	bool eof;  /* the reading side said its end */
	bool shut; /* and the writing side was told */
	char data[RELAY_BUFFER];
};

struct relay_pair {
	int fd[2];
	bool connecting;         /* fd[1] */
	struct relay_way way[2]; /* way[i]: from fd[i] to fd[1 - i] */
};

/* Moves what can be moved without blocking. False when the pair is done or broken. */
bool relay_pair_pump(struct relay_pair *pair);
/* The epoll events to wait for at fd[i]; 0: none for now. */
uint32_t relay_pair_interest(const struct relay_pair *pair, int i);

#endif
