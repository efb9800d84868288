#include "local-lambda/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "local-lambda/relay_pair.h"

#define EVENTS 64

enum source_kind { SOURCE_WAKE, SOURCE_LISTENER, SOURCE_END };

/* What an epoll event points to. */
struct source {
	enum source_kind kind;
	uint32_t events; /* as registered; 0: isn't */
	void *owner;
};

struct connection {
	struct source source[2];
	struct relay_listener *listener;
	struct connection *next; /* of the listener's, or of the dead */
	bool dead;
	struct relay_pair pair;
};

struct relay_listener {
	struct source source;
	int fd;
	unsigned count;
	struct connection *connections;
	struct relay_listener *next; /* among those to remove */
	bool removed;
};

struct relay {
	struct sockaddr target;
	int epoll, wake;
	struct source wake_source;
	pthread_t thread;
	pthread_mutex_t lock; /* the members below */
	pthread_cond_t done;
	struct relay_listener *to_remove;
	bool stop;
	struct connection *dead; /* the thread's alone */
};

static void interest_set(struct relay *relay, struct source *source, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	if (events == source->events)
		return;
	/* A hang-up is reported even when nothing is asked for: what is of no interest is taken out. */
	epoll_ctl(relay->epoll, !events ? EPOLL_CTL_DEL : source->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
	source->events = events;
}

static void connection_close(struct relay *relay, struct connection *c)
{
	struct connection **link = &c->listener->connections;

	if (c->dead)
		return;
	while (*link != c)
		link = &(*link)->next;
	*link = c->next;
	c->listener->count--;
	for (int i = 0; i < 2; i++)
		if (c->pair.fd[i] >= 0) {
			/* A child that was just forked has the descriptor, too: closing it here wouldn't end its events. */
			interest_set(relay, &c->source[i], c->pair.fd[i], 0);
			close(c->pair.fd[i]);
		}
	/* Events of this round may point to it still. */
	c->dead = true;
	c->next = relay->dead;
	relay->dead = c;
}

static void connection_pump(struct relay *relay, struct connection *c)
{
	if (!relay_pair_pump(&c->pair)) {
		connection_close(relay, c);
		return;
	}
	for (int i = 0; i < 2; i++)
		interest_set(relay, &c->source[i], c->pair.fd[i], relay_pair_interest(&c->pair, i));
}

static void connection_open(struct relay *relay, struct relay_listener *listener, int fd)
{
	struct connection *c = listener->count < RELAY_CONNECTIONS_MAX ? calloc(1, sizeof *c) : NULL;
	int on = 1;

	if (!c) {
		close(fd);
		return;
	}
	c->listener = listener;
	c->next = listener->connections;
	listener->connections = c;
	listener->count++;
	c->source[0] = c->source[1] = (struct source){ .kind = SOURCE_END, .owner = c };
	c->pair.fd[0] = fd;
	c->pair.fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	c->pair.connecting = true;
	for (int i = 0; i < 2; i++)
		setsockopt(c->pair.fd[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (c->pair.fd[1] < 0 || (connect(c->pair.fd[1], &relay->target, sizeof relay->target) < 0 && errno != EINPROGRESS))
		connection_close(relay, c);
	else
		connection_pump(relay, c);
}

static void listener_accept(struct relay *relay, struct relay_listener *listener)
{
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		connection_open(relay, listener, fd);
	} else if (errno == EMFILE || errno == ENFILE) {
		/* The connection keeps waiting and would wake the loop at once again. */
		log_warn("relay: %s", strerror(errno));
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
}

/* False when the thread is to end. */
static bool commands_take(struct relay *relay)
{
	bool stop;

	pthread_mutex_lock(&relay->lock);
	while (relay->to_remove) {
		struct relay_listener *listener = relay->to_remove;

		relay->to_remove = listener->next;
		while (listener->connections)
			connection_close(relay, listener->connections);
		epoll_ctl(relay->epoll, EPOLL_CTL_DEL, listener->fd, NULL);
		close(listener->fd);
		listener->removed = true;
	}
	stop = relay->stop;
	pthread_cond_broadcast(&relay->done);
	pthread_mutex_unlock(&relay->lock);
	return !stop;
}

static void dead_free(struct relay *relay)
{
	while (relay->dead) {
		struct connection *c = relay->dead;

		relay->dead = c->next;
		free(c);
	}
}

static void *relay_run(void *arg)
{
	struct relay *relay = arg;
	struct epoll_event events[EVENTS];
	bool go_on = true;

	while (go_on) {
		int n = epoll_wait(relay->epoll, events, EVENTS, -1);
		bool woken = false;

		for (int i = 0; i < n; i++) {
			struct source *source = events[i].data.ptr;

			if (source->kind == SOURCE_WAKE)
				woken = true;
			else if (source->kind == SOURCE_LISTENER)
				listener_accept(relay, source->owner);
			else if (!((struct connection *)source->owner)->dead)
				connection_pump(relay, source->owner);
		}
		/* Removal comes after the round: no event points to a listener that is gone. */
		if (woken) {
			uint64_t count;

			if (read(relay->wake, &count, sizeof count) > 0)
				go_on = commands_take(relay);
		}
		dead_free(relay);
	}
	return NULL;
}

static void relay_wake(struct relay *relay)
{
	uint64_t one = 1;

	if (write(relay->wake, &one, sizeof one) < 0)
		log_error("relay: %s", strerror(errno));
}

int relay_open(struct relay **ret, const struct sockaddr_in *target, struct err *e)
{
	struct relay *relay = calloc(1, sizeof *relay);
	int rc = 0;

	if (!relay)
		return err_nomem(e);
	memcpy(&relay->target, target, sizeof relay->target);
	relay->wake_source.kind = SOURCE_WAKE;
	relay->epoll = epoll_create1(EPOLL_CLOEXEC);
	relay->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&relay->lock, NULL);
	pthread_cond_init(&relay->done, NULL);
	if (relay->epoll < 0 || relay->wake < 0)
		rc = errno;
	if (!rc) {
		interest_set(relay, &relay->wake_source, relay->wake, EPOLLIN);
		rc = pthread_create(&relay->thread, NULL, relay_run, relay);
	}
	if (rc) {
		close(relay->epoll);
		close(relay->wake);
		free(relay);
		return err_errno(e, rc, "starting the relay");
	}
	*ret = relay;
	return 0;
}

void relay_close(struct relay *relay)
{
	if (!relay)
		return;
	pthread_mutex_lock(&relay->lock);
	relay->stop = true;
	pthread_mutex_unlock(&relay->lock);
	relay_wake(relay);
	pthread_join(relay->thread, NULL);
	pthread_cond_destroy(&relay->done);
	pthread_mutex_destroy(&relay->lock);
	close(relay->epoll);
	close(relay->wake);
	free(relay);
}

int relay_add(struct relay *relay, int listen_fd, struct relay_listener **ret, struct err *e)
{
	struct relay_listener *listener = calloc(1, sizeof *listener);

	if (!listener)
		return err_nomem(e);
	listener->fd = listen_fd;
	listener->source = (struct source){ .kind = SOURCE_LISTENER, .owner = listener };
	*ret = listener;
	interest_set(relay, &listener->source, listen_fd, EPOLLIN);
	return 0;
}

void relay_remove(struct relay *relay, struct relay_listener *listener)
{
	if (!listener)
		return;
	pthread_mutex_lock(&relay->lock);
	listener->next = relay->to_remove;
	relay->to_remove = listener;
	relay_wake(relay);
	while (!listener->removed)
		pthread_cond_wait(&relay->done, &relay->lock);
	pthread_mutex_unlock(&relay->lock);
	free(listener);
}

static bool address_parse(const char *text, size_t len, struct sockaddr_in *ret)
{
	char copy[32], *colon, *end;
	unsigned long port;

	if (len >= sizeof copy)
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	colon = strchr(copy, ':');
	if (!colon)
		return false;
	*colon = '\0';
	port = strtoul(colon + 1, &end, 10);
	*ret = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	return colon[1] && !*end && port > 0 && port < 65536 && inet_pton(AF_INET, copy, &ret->sin_addr) == 1;
}

int relay_parse(const char *text, struct sockaddr_in *ret_inside, struct sockaddr_in *ret_target, struct err *e)
{
	const char *equals = strchr(text, '=');
	struct sockaddr_in inside, target;

	if (!equals || !address_parse(text, (size_t)(equals - text), &inside) ||
	    !address_parse(equals + 1, strlen(equals + 1), &target))
		return err_set(e, ERR_INVALID, "relay \"%s\" is not ADDRESS:PORT=ADDRESS:PORT", text);
	*ret_inside = inside;
	*ret_target = target;
	return 0;
}
