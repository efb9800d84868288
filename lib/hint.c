#include "lib/hint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int make_address(struct sockaddr_un *a, const char *run_dir, const char *name)
{
	memset(a, 0, sizeof *a);
	a->sun_family = AF_UNIX;
	int n = snprintf(a->sun_path, sizeof a->sun_path, "%s/%s", run_dir, name);

	return n > 0 && (size_t)n < sizeof a->sun_path ? 0 : -1;
}

void hint_send(const char *run_dir, const char *name)
{
	struct sockaddr_un a;
	int fd;

	if (make_address(&a, run_dir, name) < 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	/* Nobody there, or a full queue: the receiver looks by itself soon. */
	(void)!sendto(fd, "", 1, MSG_NOSIGNAL, (struct sockaddr *)&a, sizeof a);
	close(fd);
}

int hint_listen(const char *run_dir, const char *name, int *ret_fd, struct err *e)
{
	struct sockaddr_un a;
	int fd;

	if (make_address(&a, run_dir, name) < 0)
		return err_set(e, ERR_INVALID, "%s/%s: too long for a socket", run_dir, name);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(e, errno, "socket");
	unlink(a.sun_path);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0) {
		int saved = errno;

		close(fd);
		return err_errno(e, saved, "%s", a.sun_path);
	}
	*ret_fd = fd;
	return 0;
}

void hint_drain(int fd)
{
	char byte[8];

	while (recv(fd, byte, sizeof byte, 0) > 0)
		;
}
