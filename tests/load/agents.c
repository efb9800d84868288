/*
 * agents ADDRESS JITTER_MS: plays as many agents as standard input has lines
 * "REQUEST-TARGET AUTHORIZATION" ("-": none), each on a connection of its own
 * to ADDRESS (a unix socket's path, or a port on loopback). Each says hello as
 * one whose process runs, answers pings, and dials again when it was cut, up
 * to JITTER_MS later. Prints "N up after S s" whenever all of them are
 * connected, and "cut" when the first one isn't any more.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/wire.h"
#include "lib/ws.h"

#define LINE_MAX_LEN 512

enum stage { AWAY, ASKED, GREETED, UP };

struct agent {
	char *target, *authorization;
	int fd;
	enum stage stage;
	double dial_at;
	size_t head_match; /* of the blank line that ends the head */
	struct ws_parser ws;
};

struct load {
	struct agent *agents;
	size_t count, up;
	struct sockaddr_storage to;
	socklen_t to_len;
	int epoll;
	double since, jitter;
	bool told;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "agents: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void cut(struct load *l, struct agent *a)
{
	if (a->stage == UP) {
		l->up--;
		if (l->told) {
			l->told = false;
			l->since = now();
			printf("cut\n");
			fflush(stdout);
		}
	}
	close(a->fd);
	ws_parser_free(&a->ws);
	a->stage = AWAY;
	a->dial_at = now() + l->jitter * (double)random() / (double)RAND_MAX;
}

static bool put(struct agent *a, const void *data, size_t len)
{
	return write(a->fd, data, len) == (ssize_t)len;
}

static bool dial(struct load *l, struct agent *a)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = a };
	char request[LINE_MAX_LEN * 2];
	int n;

	a->fd = socket(l->to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (a->fd < 0)
		die("socket");
	a->stage = ASKED;
	a->head_match = 0;
	ws_parser_init(&a->ws, false, WIRE_MESSAGE_MAX);
	n = snprintf(request, sizeof request,
		     "GET %s HTTP/1.1\r\nHost: load\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
		     "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s%s%s\r\n",
		     a->target, a->authorization ? "Authorization: " : "", a->authorization ? a->authorization : "",
		     a->authorization ? "\r\n" : "");
	if (connect(a->fd, (struct sockaddr *)&l->to, l->to_len) < 0 || !put(a, request, (size_t)n))
		return false;
	fcntl(a->fd, F_SETFL, O_NONBLOCK);
	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, a->fd, &ev) == 0;
}

static bool send_message(struct agent *a, enum wire_type type, uint8_t flags, const void *data, size_t len)
{
	static const uint8_t mask[4] = { 0 };
	uint8_t frame[WS_HEAD_MAX + WIRE_HEAD + 1024];
	size_t head = ws_put_head(frame, WS_BINARY, WIRE_HEAD + len, mask);

	if (len > 1024)
		return false;
	wire_put_head(frame + head, type, flags, WIRE_SESSION);
	memcpy(frame + head + WIRE_HEAD, data, len);
	return put(a, frame, head + WIRE_HEAD + len);
}

static bool say_hello(struct agent *a)
{
	const char *run = a->authorization ? strstr(a->target, "run=") + 4 : strrchr(a->target, '/') + 1;
	char text[512];
	int n = snprintf(text, sizeof text,
			 "{\"version\":%d,\"run\":\"%s\",\"state\":\"running\",\"stdin\":0,\"stdout\":0,\"stderr\":0,\"pid\":7,"
			 "\"request_id\":\"r\",\"log_stream\":\"s\",\"deadline_ms\":0,\"streams\":[]}",
			 WIRE_VERSION, run);

	a->stage = GREETED;
	return send_message(a, WIRE_HELLO, 0, text, (size_t)n);
}

struct call {
	struct load *load;
	struct agent *agent;
};

static bool on_message(void *arg, enum ws_opcode opcode, const uint8_t *data, size_t len)
{
	struct call *c = arg;
	struct wire_message m;

	if (opcode != WS_BINARY || !wire_parse(data, len, &m))
		return opcode == WS_PING || opcode == WS_PONG;
	if (m.type == WIRE_PING && !(m.flags & WIRE_FLAG_PONG))
		return send_message(c->agent, WIRE_PING, WIRE_FLAG_PONG, m.payload, m.len);
	if (m.type == WIRE_SPEC && c->agent->stage == GREETED) {
		c->agent->stage = UP;
		if (++c->load->up == c->load->count) {
			printf("%zu up after %.3f s\n", c->load->count, now() - c->load->since);
			fflush(stdout);
			c->load->told = true;
		}
	}
	return true;
}

/* True: the agent lives on. */
static bool take(struct load *l, struct agent *a, const uint8_t *data, size_t len)
{
	struct call c = { l, a };
	static const char blank[] = "\r\n\r\n";

	while (a->head_match < 4 && len) {
		a->head_match = *data == (uint8_t)blank[a->head_match] ? a->head_match + 1 : *data == '\r';
		data++;
		len--;
		if (a->head_match == 4 && !say_hello(a))
			return false;
	}
	return !len || ws_parse(&a->ws, data, len, on_message, &c);
}

static void readable(struct load *l, struct agent *a)
{
	static uint8_t data[65536];
	ssize_t n = read(a->fd, data, sizeof data);

	if (n < 0 && errno == EAGAIN)
		return;
	/* Any other answer than 101: once more. */
	if (n > 0 && a->stage == ASKED && a->head_match == 0 && (n < 12 || memcmp(data, "HTTP/1.1 101", 12) != 0))
		n = 0;
	if (n <= 0 || !take(l, a, data, (size_t)n))
		cut(l, a);
}

static void dial_those_away(struct load *l)
{
	double t = now();

	for (size_t i = 0; i < l->count; i++) {
		struct agent *a = &l->agents[i];

		if (a->stage == AWAY && a->dial_at <= t && !dial(l, a))
			cut(l, a);
	}
}

static void read_agents(struct load *l)
{
	char line[LINE_MAX_LEN];

	while (fgets(line, sizeof line, stdin)) {
		char *end = strchr(line, '\n'), *blank = strchr(line, ' ');
		struct agent *a;

		if (!end || !blank)
			die("a line can't be read");
		*end = *blank = '\0';
		l->agents = realloc(l->agents, (l->count + 1) * sizeof *l->agents);
		if (!l->agents)
			die("memory");
		a = &l->agents[l->count++];
		*a = (struct agent){ .target = strdup(line), .authorization = strcmp(blank + 1, "-") ? strdup(blank + 1) : NULL };
	}
}

static void set_address(struct load *l, const char *text)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&l->to;
	struct sockaddr_in *in = (struct sockaddr_in *)&l->to;

	if (*text == '/') {
		un->sun_family = AF_UNIX;
		snprintf(un->sun_path, sizeof un->sun_path, "%s", text);
		l->to_len = sizeof *un;
	} else {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)atoi(text));
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		l->to_len = sizeof *in;
	}
}

int main(int argc, char **argv)
{
	struct load l = { .epoll = epoll_create1(EPOLL_CLOEXEC) };
	struct epoll_event events[256];
	struct rlimit files;

	if (argc != 3) {
		fprintf(stderr, "usage: agents ADDRESS JITTER_MS < LINES\n");
		return 2;
	}
	set_address(&l, argv[1]);
	l.jitter = atof(argv[2]) / 1000;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	read_agents(&l);
	l.since = now();
	for (;;) {
		int n;

		dial_those_away(&l);
		n = epoll_wait(l.epoll, events, 256, l.up == l.count ? 1000 : 20);
		for (int i = 0; i < n; i++)
			readable(&l, events[i].data.ptr);
	}
}
