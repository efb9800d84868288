#include "agent-gateway/agent/session.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "agent-gateway/agent/link.h"
#include "lib/buf.h"
#include "lib/ids.h"
#include "lib/json.h"
#include "lib/log.h"

#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS 5000
#define TICK_SECONDS 5
#define PING_TICKS 2 /* 10 s */
#define SILENCE_SECONDS 30

struct session {
	struct agent *agent;
	struct session_events events;
	void *arg;
	char *callback, path[128];
	char authorization[256];
	struct link *link;
	struct event *redial, *tick;
	int pause_ms, ticks;
	time_t heard_monotonic, heard_real;
	uint64_t pinged, confirmed;
	bool ready, was_ready, over;
	char failure[256];
};

static const struct link_events link_handlers;

/* A redial by many agents at once is spread: the pause is between half and all of what grows. */
static void dial_later(struct session *s)
{
	uint32_t random = 0;
	int ms = s->pause_ms / 2;
	struct timeval tv;

	if (getrandom(&random, sizeof random, 0) == (ssize_t)sizeof random)
		ms += (int)(random % (unsigned)(s->pause_ms / 2 + 1));
	tv = (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	s->pause_ms = s->pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : s->pause_ms * 2;
	evtimer_add(s->redial, &tv);
}

static void heard(struct session *s)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	s->heard_monotonic = ts.tv_sec;
	s->heard_real = time(NULL);
}

/* Either clock may have stood still while the sandbox was frozen. */
static bool silent(const struct session *s)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec - s->heard_monotonic >= SILENCE_SECONDS || time(NULL) - s->heard_real >= SILENCE_SECONDS;
}

static void cut(struct session *s, const char *why)
{
	log_info("no connection to the gateway: %s", why);
	snprintf(s->failure, sizeof s->failure, "%s", why);
	link_free(s->link);
	s->link = NULL;
	if (s->ready) {
		s->ready = false;
		s->events.cut(s->arg);
	}
	if (!s->over)
		dial_later(s);
}

static bool is_refusal(int status)
{
	return status == 401 || status == 403 || status == 404 || status == 409 || status == 410;
}

static void link_closed(void *arg, int status, const char *why)
{
	struct session *s = arg;
	char text[256];

	if (status)
		snprintf(text, sizeof text, "HTTP %d", status);
	else
		snprintf(text, sizeof text, "%s", why);
	s->over = is_refusal(status);
	cut(s, text);
	if (s->over)
		s->events.refused(s->arg, status);
}

static void link_opened(void *arg)
{
	struct session *s = arg;
	struct json_object *hello = s->events.hello(s->arg);
	const char *text = hello ? json_text(hello) : NULL;

	heard(s);
	if (text)
		link_send(s->link, WIRE_HELLO, 0, WIRE_SESSION, NULL, 0, text, strlen(text));
	json_object_put(hello);
}

static void take_pong(struct session *s, const struct wire_message *m)
{
	uint64_t number = m->len == 8 ? wire_get_u64(m->payload) : 0;

	if (number <= s->pinged && number > s->confirmed)
		s->confirmed = number;
}

static bool link_message(void *arg, const struct wire_message *m)
{
	struct session *s = arg;

	heard(s);
	if (m->type == WIRE_PING) {
		if (m->flags & WIRE_FLAG_PONG)
			take_pong(s, m);
		else
			link_send(s->link, WIRE_PING, WIRE_FLAG_PONG, WIRE_SESSION, NULL, 0, m->payload, m->len);
		return true;
	}
	if (!s->events.message(s->arg, m))
		return false;
	/* Pauses grow again from the start only after a whole handshake. */
	if (s->ready)
		s->pause_ms = PAUSE_FIRST_MS;
	return true;
}

static void link_drained(void *arg)
{
	struct session *s = arg;

	if (s->ready)
		s->events.drained(s->arg);
}

static const struct link_events link_handlers = {
	.opened = link_opened, .message = link_message, .drained = link_drained, .closed = link_closed,
};

static void dial(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	struct err e = { 0 };

	heard(s);
	s->link = link_dial(s->agent, s->callback, s->path, s->authorization, &link_handlers, s, &e);
	if (s->link)
		return;
	log_warn("the gateway can't be dialled: %s", e.text);
	snprintf(s->failure, sizeof s->failure, "%.200s", e.text);
	dial_later(s);
}

static void send_ping(struct session *s)
{
	uint8_t number[8];

	wire_put_u64(number, ++s->pinged);
	link_send(s->link, WIRE_PING, 0, WIRE_SESSION, NULL, 0, number, sizeof number);
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	if (!s->link)
		return;
	if (silent(s)) {
		cut(s, "it is silent");
		return;
	}
	if (s->ready && ++s->ticks % PING_TICKS == 0)
		send_ping(s);
}

static int authorize(struct session *s, const char *nonce)
{
	char session[ID_HEX_LEN + 1], proof[2 * EVP_MAX_MD_SIZE + 1];
	BUF_CLEANUP struct buf text = BUF_INIT;
	const char *token = s->agent->token ? s->agent->token : "";
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	id_random(session, ID_HEX_LEN / 2);
	buf_printf(&text, "%s:%s", nonce, session);
	if (text.failed || !HMAC(EVP_sha256(), token, (int)strlen(token), (unsigned char *)text.data, text.len, digest, &len))
		return -1;
	hex_encode(proof, digest, len);
	snprintf(s->authorization, sizeof s->authorization, "Sockerless session=%s, proof=%s", session, proof);
	return 0;
}

struct session *session_new(struct agent *a, const char *callback, const char *run, const char *nonce,
			    const struct session_events *events, void *arg)
{
	struct session *s = calloc(1, sizeof *s);
	struct timeval period = { .tv_sec = TICK_SECONDS }, now = { 0 };

	if (!s)
		return NULL;
	s->agent = a;
	s->events = *events;
	s->arg = arg;
	s->pause_ms = PAUSE_FIRST_MS;
	s->callback = strdup(callback);
	snprintf(s->path, sizeof s->path, "/.agent/connect?run=%s", run);
	s->redial = evtimer_new(a->base, dial, s);
	s->tick = event_new(a->base, -1, EV_PERSIST, tick, s);
	if (!s->callback || !s->redial || !s->tick || authorize(s, nonce) < 0 || event_add(s->tick, &period) < 0 ||
	    evtimer_add(s->redial, &now) < 0) {
		session_free(s);
		return NULL;
	}
	return s;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	link_free(s->link);
	if (s->redial)
		event_free(s->redial);
	if (s->tick)
		event_free(s->tick);
	free(s->callback);
	explicit_bzero(s->authorization, sizeof s->authorization);
	free(s);
}

bool session_ready(const struct session *s)
{
	return s->ready;
}

void session_set_ready(struct session *s)
{
	s->ready = s->was_ready = true;
}

bool session_was_ready(const struct session *s)
{
	return s->was_ready;
}

void session_send(struct session *s, enum wire_type type, uint8_t flags, uint32_t stream, const void *head, size_t head_len,
		  const void *data, size_t len)
{
	if (s->ready)
		link_send(s->link, type, flags, stream, head, head_len, data, len);
}

void session_send_json(struct session *s, enum wire_type type, uint32_t stream, struct json_object *o)
{
	const char *text = o ? json_text(o) : NULL;

	if (text)
		session_send(s, type, 0, stream, NULL, 0, text, strlen(text));
}

size_t session_queued(const struct session *s)
{
	return s->link ? link_queued(s->link) : 0;
}

uint64_t session_ping_number(const struct session *s)
{
	return s->pinged + 1;
}

uint64_t session_confirmed(const struct session *s)
{
	return s->confirmed;
}

const char *session_failure(const struct session *s)
{
	return s->failure;
}
