#include "agent-gateway/read_more.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <sys/socket.h>

#define LIBEVENT_READ 4096 /* EVBUFFER_MAX_READ: less was all that there was */

void read_more(struct bufferevent *bev, size_t limit)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t have = evbuffer_get_length(in);
	struct evbuffer_iovec room;
	ssize_t n;

	if (have < LIBEVENT_READ || have >= limit || !(bufferevent_get_enabled(bev) & EV_READ))
		return;
	/* A bufferevent keeps its input from everyone but itself. */
	evbuffer_unfreeze(in, 0);
	if (evbuffer_reserve_space(in, (ev_ssize_t)(limit - have), &room, 1) == 1) {
		n = recv(bufferevent_getfd(bev), room.iov_base, limit - have, MSG_DONTWAIT);
		room.iov_len = n > 0 ? (size_t)n : 0;
		evbuffer_commit_space(in, &room, 1);
	}
	evbuffer_freeze(in, 0);
}
