#include "agent-gateway/input.h"

#include "agent-gateway/agent.h"
#include "agent-gateway/conn.h"

bool input_init(struct input *in, bool retain)
{
	*in = (struct input){ .retain = retain };
	LIST_INIT(&in->sources);
	in->data = evbuffer_new();
	return in->data != NULL;
}

void input_free(struct input *in)
{
	struct input_source *src;

	while ((src = LIST_FIRST(&in->sources)))
		input_remove(src);
	if (in->data)
		evbuffer_free(in->data);
	in->data = NULL;
}

static size_t unsent(const struct input *in)
{
	return (size_t)(in->base + evbuffer_get_length(in->data) - in->sent);
}

static void resume_sources(struct input *in)
{
	struct input_source *src;

	if (unsent(in) >= INPUT_MAX)
		return;
	LIST_FOREACH(src, &in->sources, link)
		if (src->paused) {
			src->paused = false;
			conn_read(src->conn, true);
		}
}

void input_reset(struct input *in)
{
	evbuffer_drain(in->data, evbuffer_get_length(in->data));
	in->base = in->sent = in->limit = 0;
	in->end = in->end_sent = false;
	resume_sources(in);
}

void input_add(struct input *in, struct input_source *src, struct conn *conn)
{
	src->conn = conn;
	src->paused = false;
	LIST_INSERT_HEAD(&in->sources, src, link);
}

bool input_attached(const struct input *in)
{
	return in->end || !LIST_EMPTY(&in->sources);
}

void input_remove(struct input_source *src)
{
	if (!src->conn)
		return;
	LIST_REMOVE(src, link);
	src->conn = NULL;
}

void input_take(struct input *in, struct input_source *src, struct evbuffer *from)
{
	if (in->end) {
		evbuffer_drain(from, evbuffer_get_length(from));
		return;
	}
	evbuffer_add_buffer(in->data, from);
	if (unsent(in) >= INPUT_MAX && src->conn && !src->paused) {
		src->paused = true;
		conn_read(src->conn, false);
	}
}

/* What lies more than a full window below its end has been taken by the process. */
static void forget(struct input *in)
{
	uint64_t safe = in->sent;

	if (in->retain)
		safe = in->limit > WIRE_CREDIT ? in->limit - WIRE_CREDIT : 0;
	if (safe > in->sent)
		safe = in->sent;
	if (safe > in->base) {
		evbuffer_drain(in->data, (size_t)(safe - in->base));
		in->base = safe;
	}
}

bool input_grant(struct input *in, uint32_t bytes)
{
	if (in->limit + bytes > in->sent + 16 * (uint64_t)WIRE_CREDIT)
		return false;
	in->limit += bytes;
	forget(in);
	return true;
}

bool input_resume(struct input *in, uint64_t received)
{
	uint64_t end = in->base + evbuffer_get_length(in->data);

	/* A predecessor of this process sent what the agent has; what waits here comes after it. */
	if (!in->sent)
		in->base = received;
	else if (received < in->base || received > end)
		return false;
	in->sent = in->limit = received;
	in->end_sent = false;
	return true;
}

void input_send(struct input *in, struct agent *agent, uint32_t stream)
{
	while (unsent(in) && in->sent < in->limit) {
		struct evbuffer_ptr at;
		struct evbuffer_iovec v;
		size_t len = unsent(in);

		evbuffer_ptr_set(in->data, &at, (size_t)(in->sent - in->base), EVBUFFER_PTR_SET);
		if (evbuffer_peek(in->data, (ssize_t)len, &at, &v, 1) < 1 || !v.iov_len)
			break;
		if (v.iov_len < len)
			len = v.iov_len;
		if (len > in->limit - in->sent)
			len = (size_t)(in->limit - in->sent);
		if (len > WIRE_PAYLOAD_MAX)
			len = WIRE_PAYLOAD_MAX;
		agent_send(agent, WIRE_DATA, WIRE_STDIN, stream, v.iov_base, len);
		in->sent += len;
	}
	forget(in);
	if (in->end && !in->end_sent && !unsent(in)) {
		in->end_sent = true;
		agent_send(agent, WIRE_END, WIRE_STDIN, stream, NULL, 0);
	}
	resume_sources(in);
}
