#include "agent-gateway/agent/outlet.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Above this the connection itself is the bottleneck; an exec's pipes wait for it. */
#define QUEUE_HIGH (1024 * 1024)

static size_t may_read(const struct outlet *o)
{
	size_t room;

	if (o->rules->retained)
		room = retain_room(&o->kept);
	else if (o->rules->lost)
		room = WIRE_PAYLOAD_MAX;
	else if (!session_ready(o->rules->session) || session_queued(o->rules->session) > QUEUE_HIGH)
		room = 0;
	else
		room = o->rules->window < WIRE_PAYLOAD_MAX ? (size_t)o->rules->window : WIRE_PAYLOAD_MAX;
	return room < WIRE_PAYLOAD_MAX ? room : WIRE_PAYLOAD_MAX;
}

static void send_kept(struct outlet *o)
{
	const uint8_t *data = NULL;
	uint64_t time = 0;
	size_t len;

	if (!session_ready(o->rules->session))
		return;
	while ((len = retain_at(&o->kept, o->sent, WIRE_PAYLOAD_MAX, &data, &time)) > 0) {
		uint8_t stamp[WIRE_STAMP];

		wire_put_u64(stamp, o->sent);
		wire_put_u64(stamp + 8, time);
		session_send(o->rules->session, WIRE_DATA, (uint8_t)o->channel, o->rules->stream, stamp, sizeof stamp, data, len);
		o->sent += len;
	}
}

static void send_end(struct outlet *o)
{
	if (o->fd >= 0 || o->end_sent || !session_ready(o->rules->session))
		return;
	if (o->rules->retained && o->sent < o->kept.end)
		return;
	o->end_sent = true;
	session_send(o->rules->session, WIRE_END, (uint8_t)o->channel, o->rules->stream, NULL, 0, NULL, 0);
}

static void close_pipe(struct outlet *o)
{
	if (o->readable)
		event_free(o->readable);
	o->readable = NULL;
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
}

void outlet_end(struct outlet *o)
{
	close_pipe(o);
	if (!o->rules->lost)
		send_end(o);
}

void outlet_finish(struct outlet *o)
{
	size_t waits;
	int n = 0;

	if (o->fd < 0)
		return;
	waits = ioctl(o->fd, FIONREAD, &n) == 0 && n > 0 ? (size_t)n : 0;
	if (!o->finishing || waits < o->left)
		o->left = waits;
	o->finishing = true;
	if (!o->left)
		outlet_end(o);
}

static void take(struct outlet *o, const uint8_t *data, size_t len)
{
	o->read += len;
	if (o->finishing)
		o->left -= len;
	if (o->rules->retained) {
		retain_add(&o->kept, data, len, (uint64_t)agent_now());
		send_kept(o);
		mirror_add(&o->rules->mirror, data, len);
	} else if (!o->rules->lost) {
		o->rules->window -= len;
		session_send(o->rules->session, WIRE_DATA, (uint8_t)o->channel, o->rules->stream, NULL, 0, data, len);
	}
}

static void read_some(evutil_socket_t fd, short what, void *arg)
{
	struct outlet *o = arg;
	uint8_t data[WIRE_PAYLOAD_MAX];
	size_t room = may_read(o);
	ssize_t n;

	if (!room) {
		event_del(o->readable);
		return;
	}
	n = read(fd, data, o->finishing && o->left < room ? o->left : room);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* A terminal's master says EIO once no process holds the other side. */
	if (n <= 0)
		outlet_end(o);
	else
		take(o, data, (size_t)n);
	if (o->finishing && !o->left)
		outlet_end(o);
	outlet_update(o);
	o->rules->changed(o->rules->arg);
}

bool outlet_open(struct outlet *o, struct event_base *base, struct outlet_rules *rules, enum wire_channel channel, int fd)
{
	*o = (struct outlet){ .rules = rules, .channel = channel, .fd = fd };
	if (fd >= 0)
		o->readable = event_new(base, fd, EV_READ | EV_PERSIST, read_some, o);
	if ((fd < 0 || o->readable) && (!rules->retained || retain_init(&o->kept)))
		return true;
	outlet_close(o);
	return false;
}

void outlet_close(struct outlet *o)
{
	close_pipe(o);
	retain_free(&o->kept);
}

void outlet_update(struct outlet *o)
{
	if (o->rules->retained)
		send_kept(o);
	if (!o->rules->lost)
		send_end(o);
	if (!o->readable)
		return;
	if (may_read(o))
		event_add(o->readable, NULL);
	else
		event_del(o->readable);
}

bool outlet_ack(struct outlet *o, uint64_t offset)
{
	if (offset > o->sent)
		return false;
	/* One that a spec has overtaken says nothing new. */
	if (offset > o->kept.start)
		retain_ack(&o->kept, offset);
	outlet_update(o);
	return true;
}

bool outlet_resume(struct outlet *o, uint64_t offset)
{
	if (!retain_ack(&o->kept, offset))
		return false;
	o->sent = offset;
	o->end_sent = false;
	return true;
}

bool outlet_done(const struct outlet *o)
{
	return o->fd < 0 && o->end_sent;
}
