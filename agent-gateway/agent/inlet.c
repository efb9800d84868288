#include "agent-gateway/agent/inlet.h"

#include <errno.h>
#include <unistd.h>

#include "lib/log.h"

static void grant(struct inlet *in, uint32_t n)
{
	uint8_t window[4];

	wire_put_u32(window, n);
	session_send(in->session, WIRE_WINDOW, WIRE_STDIN, in->stream, NULL, 0, window, sizeof window);
}

static void took(struct inlet *in, size_t n)
{
	in->taken += (uint32_t)n;
	if (in->taken < WIRE_CREDIT / 4 || !session_ready(in->session))
		return;
	in->credit += in->taken;
	grant(in, in->taken);
	in->taken = 0;
}

static void shut(struct inlet *in)
{
	if (in->writable)
		event_free(in->writable);
	in->writable = NULL;
	if (in->fd >= 0)
		close(in->fd);
	in->fd = -1;
}

/* The process doesn't read any more: the rest is thrown away, so that the sender isn't held up. */
static void discard(struct inlet *in)
{
	size_t n = evbuffer_get_length(in->queue);

	shut(in);
	evbuffer_drain(in->queue, n);
	took(in, n);
}

static void write_some(evutil_socket_t fd, short what, void *arg)
{
	struct inlet *in = arg;
	int n = evbuffer_write(in->queue, fd);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		discard(in);
		return;
	}
	if (n > 0)
		took(in, (size_t)n);
	if (evbuffer_get_length(in->queue)) {
		event_add(in->writable, NULL);
		return;
	}
	event_del(in->writable);
	if (in->ended && !in->terminal)
		shut(in);
}

bool inlet_open(struct inlet *in, struct event_base *base, struct session *session, uint32_t stream, int fd, bool terminal)
{
	*in = (struct inlet){ .session = session, .stream = stream, .fd = fd, .terminal = terminal };
	in->queue = evbuffer_new();
	if (fd >= 0)
		in->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, write_some, in);
	if (in->queue && (fd < 0 || in->writable))
		return true;
	inlet_close(in);
	return false;
}

void inlet_close(struct inlet *in)
{
	shut(in);
	if (in->queue)
		evbuffer_free(in->queue);
	in->queue = NULL;
}

void inlet_grant_anew(struct inlet *in)
{
	in->taken = 0;
	in->credit = WIRE_CREDIT - (uint32_t)evbuffer_get_length(in->queue);
	if (in->credit)
		grant(in, in->credit);
}

bool inlet_data(struct inlet *in, const uint8_t *data, size_t len)
{
	if (len > in->credit) {
		log_warn("more input than was granted came for stream %u", in->stream);
		return false;
	}
	in->credit -= (uint32_t)len;
	in->received += len;
	if (in->fd < 0 || in->ended) {
		took(in, len);
		return true;
	}
	if (evbuffer_add(in->queue, data, len) < 0)
		return false;
	if (!event_pending(in->writable, EV_WRITE, NULL))
		write_some(in->fd, EV_WRITE, in);
	return true;
}

void inlet_end(struct inlet *in)
{
	if (in->ended || !in->queue)
		return;
	in->ended = true;
	if (!in->terminal && in->fd >= 0 && !evbuffer_get_length(in->queue))
		shut(in);
}
