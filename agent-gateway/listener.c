#include <errno.h>
#include <event2/listener.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent-gateway/conn.h"
#include "agent-gateway/container.h"
#include "lib/log.h"

#define BACKLOG 4096
/* Connections accepted in one go: after a restart thousands of agents come at once, and clients wait behind them. */
#define ACCEPT_MAX 32

static void on_next(void *arg)
{
	struct gateway *gw = arg;

	gw->accepted = 0;
	evconnlistener_enable(gw->listener);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
	struct gateway *gw = arg;

	conn_accept(gw, fd);
	if (++gw->accepted < ACCEPT_MAX)
		return;
	evconnlistener_disable(l);
	gateway_later(gw, on_next, gw);
}

/* Out of descriptors: without a pause the loop would do nothing else. */
static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	evconnlistener_enable(arg);
}

static void on_error(struct evconnlistener *l, void *arg)
{
	struct gateway *gw = arg;
	struct timeval pause = { .tv_usec = 100000 };

	log_error("accept: %s", strerror(errno));
	evconnlistener_disable(l);
	event_base_once(gw->base, -1, EV_TIMEOUT, on_resume, l, &pause);
}

static int listen_at(const char *path, struct err *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof addr.sun_path)
		return err_set(e, ERR_INVALID, "%s is too long for a socket's path", path);
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(e, errno, "socket");
	/* One left by a predecessor. */
	unlink(path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 || chmod(path, 0660) < 0 || listen(fd, BACKLOG) < 0) {
		err_errno(e, errno, "%s", path);
		close(fd);
		return -1;
	}
	return fd;
}

int listener_open(struct gateway *gw, struct err *e)
{
	char path[sizeof(struct sockaddr_un)];
	int fd;

	if ((size_t)snprintf(path, sizeof path, "%s/gateway.sock", gw->settings->run_dir) >= sizeof path)
		return err_set(e, ERR_INVALID, "SOCKERLESS_RUN_DIR is too long");
	fd = listen_at(path, e);
	if (fd < 0)
		return -1;
	gw->listener = evconnlistener_new(gw->base, on_accept, gw, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, -1, fd);
	if (!gw->listener) {
		close(fd);
		return err_nomem(e);
	}
	evconnlistener_set_error_cb(gw->listener, on_error);
	return 0;
}
