/*
 * libevent 2.1 reads 4 KiB in a round of the loop, however much waits: a fast
 * stream costs a round and four system calls for each of them.
 */
#ifndef SOCKERLESS_READ_MORE_H
#define SOCKERLESS_READ_MORE_H

#include <event2/bufferevent.h>
#include <stddef.h>

/*
 * Reads what else waits in the socket, until the input holds `limit` bytes; for
 * the read callback of a bufferevent without TLS. Doesn't block. The peer's end and
 * errors are left for the bufferevent to find.
 */
void read_more(struct bufferevent *bev, size_t limit);

#endif
