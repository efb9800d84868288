#include "local-lambda/relay_pair.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static bool would_block(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static bool way_read(struct relay_way *way, int fd)
{
	ssize_t n;

	if (way->eof || way->start + way->len == sizeof way->data)
		return true;
	n = recv(fd, way->data + way->start + way->len, sizeof way->data - way->start - way->len, 0);
	if (n < 0)
		return would_block();
	way->eof = n == 0;
	way->len += (size_t)n;
	return true;
}

static bool way_write(struct relay_way *way, int fd)
{
	while (way->len) {
		ssize_t n = send(fd, way->data + way->start, way->len, MSG_NOSIGNAL);

		if (n < 0)
			return would_block();
		way->start += (size_t)n;
		way->len -= (size_t)n;
	}
	way->start = 0;
	if (way->eof && !way->shut) {
		way->shut = true;
		shutdown(fd, SHUT_WR);
	}
	return true;
}

static bool connect_finish(struct relay_pair *pair)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (getsockopt(pair->fd[1], SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error)
		return false;
	struct sockaddr_storage peer;
	socklen_t peer_len = sizeof peer;

	if (getpeername(pair->fd[1], (struct sockaddr *)&peer, &peer_len) < 0)
		return errno == ENOTCONN;
	pair->connecting = false;
	return true;
}

bool relay_pair_pump(struct relay_pair *pair)
{
	if (pair->connecting && !connect_finish(pair))
		return false;
	if (!way_read(&pair->way[0], pair->fd[0]))
		return false;
	if (pair->connecting)
		return true;
	if (!way_read(&pair->way[1], pair->fd[1]) || !way_write(&pair->way[0], pair->fd[1]) ||
	    !way_write(&pair->way[1], pair->fd[0]))
		return false;
	return !(pair->way[0].shut && pair->way[1].shut);
}

uint32_t relay_pair_interest(const struct relay_pair *pair, int i)
{
	const struct relay_way *from = &pair->way[i], *to = &pair->way[1 - i];
	uint32_t events = 0;

	if (pair->connecting && i == 1)
		return EPOLLOUT;
	if (!from->eof && from->start + from->len < sizeof from->data)
		events |= EPOLLIN;
	if (to->len)
		events |= EPOLLOUT;
	return events;
}
