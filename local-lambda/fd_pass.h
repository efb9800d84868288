/* One message with descriptors over a SOCK_SEQPACKET unix socket. */
#ifndef SOCKERLESS_LOCAL_FD_PASS_H
#define SOCKERLESS_LOCAL_FD_PASS_H

#include <stddef.h>
#include <sys/types.h>

#define FD_PASS_MAX 4

/* Blocks; -1 with errno. The descriptors stay the caller's. */
int fd_send(int socket, const void *data, size_t len, const int *fds, unsigned count);
/*
 * Blocks. Length of the message, 0 at the socket's end, -1 with errno.
 * Received descriptors (close-on-exec) go to `fds`, which has room for
 * FD_PASS_MAX and is filled up with -1.
 */
ssize_t fd_receive(int socket, void *data, size_t len, int fds[FD_PASS_MAX]);

#endif
