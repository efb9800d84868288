/*
 * http_load SOCKET URI CONNECTIONS SECONDS: asks for one URI over and over on
 * kept connections of a unix socket, one request at a time on each, and
 * prints "requests/s  median ms  99% ms  bytes of a reply". Replies have to
 * be 200 with a Content-Length.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 512
#define HEAD_MAX 8192
#define SAMPLES_MAX 2000000

struct client {
	int fd;
	double begun;
	char head[HEAD_MAX];
	size_t head_len; /* of what came before the body */
	size_t left;     /* of the body; 0: the head isn't complete */
	size_t size;
};

struct load {
	const char *request;
	size_t request_len;
	float *samples;
	size_t count, size;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "http_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void ask(struct load *l, struct client *c)
{
	c->begun = now();
	c->head_len = c->left = 0;
	if (write(c->fd, l->request, l->request_len) != (ssize_t)l->request_len)
		die("write");
}

static void answered(struct load *l, struct client *c)
{
	if (l->count < SAMPLES_MAX)
		l->samples[l->count++] = (float)((now() - c->begun) * 1000);
	l->size = c->size;
	ask(l, c);
}

/* True: the head is complete, and `left` tells what is still to come. */
static int take_head(struct client *c)
{
	char *end, *length;
	size_t have;

	c->head[c->head_len] = '\0';
	end = strstr(c->head, "\r\n\r\n");
	if (!end)
		return 0;
	length = strcasestr(c->head, "\r\nContent-Length:");
	if (strncmp(c->head, "HTTP/1.1 200", 12) != 0 || !length || length > end) {
		fprintf(stderr, "http_load: answered: %s\n", c->head);
		exit(1);
	}
	c->size = strtoul(length + 17, NULL, 10);
	have = c->head_len - (size_t)(end + 4 - c->head);
	c->left = c->size - have;
	return 1;
}

static void readable(struct load *l, struct client *c)
{
	static char body[1 << 18];
	ssize_t n;

	if (c->left) {
		n = read(c->fd, body, sizeof body);
		if (n <= 0)
			die("read");
		c->left -= (size_t)n;
		if (!c->left)
			answered(l, c);
		return;
	}
	n = read(c->fd, c->head + c->head_len, HEAD_MAX - 1 - c->head_len);
	if (n <= 0)
		die("read");
	c->head_len += (size_t)n;
	if (take_head(c) && !c->left)
		answered(l, c);
}

static void client_open(struct client *c, const char *path, int epoll)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &ev) < 0)
		die(path);
}

static int ascending(const void *a, const void *b)
{
	return (*(const float *)a > *(const float *)b) - (*(const float *)a < *(const float *)b);
}

static void run(struct load *l, int epoll, double seconds)
{
	double begun = now(), end = begun + seconds, warm = begun + seconds / 5;
	struct epoll_event events[64];

	while (now() < end) {
		int n = epoll_wait(epoll, events, 64, 1000);

		for (int i = 0; i < n; i++)
			readable(l, events[i].data.ptr);
		if (warm && now() > warm) {
			l->count = 0;
			begun = now();
			warm = 0;
		}
	}
	seconds = now() - begun;
	qsort(l->samples, l->count, sizeof *l->samples, ascending);
	if (!l->count)
		die("no reply");
	printf("%.0f %.3f %.3f %zu\n", (double)l->count / seconds, l->samples[l->count / 2], l->samples[l->count * 99 / 100], l->size);
}

int main(int argc, char **argv)
{
	static struct client clients[CONNECTIONS_MAX];
	struct load l = { 0 };
	char request[1024];
	int count, epoll = epoll_create1(EPOLL_CLOEXEC);

	count = argc == 5 ? atoi(argv[3]) : 0;
	if (count < 1 || count > CONNECTIONS_MAX) {
		fprintf(stderr, "usage: http_load SOCKET URI CONNECTIONS SECONDS\n");
		return 2;
	}
	l.request_len = (size_t)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: docker\r\nUser-Agent: http_load\r\n\r\n", argv[2]);
	l.request = request;
	l.samples = malloc(SAMPLES_MAX * sizeof *l.samples);
	if (!l.samples || epoll < 0)
		die("start");
	for (int i = 0; i < count; i++) {
		client_open(&clients[i], argv[1], epoll);
		ask(&l, &clients[i]);
	}
	run(&l, epoll, atof(argv[4]));
	free(l.samples);
	return 0;
}
