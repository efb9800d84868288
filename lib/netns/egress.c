#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/netns/netns.h"

#define READY_WAIT_MS 5000
#define GO_FD 3
#define READY_FD 4

/* Candidates for the subnet behind slirp4netns; the third address of each is its name server. */
static const char *const subnets[] = { "10.0.2.0", "172.31.251.0", "192.168.251.0", "10.251.251.0" };

const char *egress_subnet(const struct netns_host *host)
{
	for (size_t i = 0; i < sizeof subnets / sizeof *subnets; i++) {
		uint32_t net = ntohl(inet_addr(subnets[i])) >> 8;
		bool taken = false;

		for (unsigned n = 0; n < host->count; n++)
			taken |= ntohl(host->addresses[n].s_addr) >> 8 == net;
		if (!taken)
			return subnets[i];
	}
	return subnets[0];
}

static void slirp_run(const char *program, const char *subnet, pid_t target, int go, int ready)
{
	char pid[16], cidr[32], byte;
	sigset_t none;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* Nothing is to be done until the guard stands in its new namespace; if it dies first, its end of the pipe closes. */
	if (read(go, &byte, 1) != 1)
		_exit(0);
	snprintf(pid, sizeof pid, "%d", (int)target);
	snprintf(cidr, sizeof cidr, "%s/24", subnet);
	go = fcntl(go, F_DUPFD, 10);
	ready = fcntl(ready, F_DUPFD, 10);
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 || dup2(go, GO_FD) < 0 || dup2(ready, READY_FD) < 0)
		_exit(1);
	close_range(READY_FD + 1, ~0u, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execl(program, "slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback", "--enable-sandbox", "--enable-seccomp",
	      "--cidr", cidr, "--exit-fd=3", "--ready-fd=4", pid, "tap0", (char *)NULL);
	_exit(127);
}

int egress_prepare(struct egress *ret, const char *program, const char *subnet, struct err *e)
{
	pid_t target = getpid(), pid;
	int go[2], ready[2];

	if (pipe2(go, O_CLOEXEC) < 0)
		return err_errno(e, errno, "starting slirp4netns");
	if (pipe2(ready, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		close(go[0]);
		close(go[1]);
		return err_errno(e, errno, "starting slirp4netns");
	}
	if (pid == 0) {
		close(go[1]);
		close(ready[0]);
		slirp_run(program, subnet, target, go[0], ready[1]);
	}
	close(go[0]);
	close(ready[1]);
	*ret = (struct egress){ .pid = pid, .go = go[1], .ready = ready[0] };
	return 0;
}

int egress_start(struct egress *egress, struct err *e)
{
	if (write(egress->go, "g", 1) != 1)
		return err_errno(e, errno, "starting slirp4netns");
	return 0;
}

int egress_wait(struct egress *egress, struct err *e)
{
	struct pollfd wait = { .fd = egress->ready, .events = POLLIN };
	char byte;
	int rc = poll(&wait, 1, READY_WAIT_MS);

	if (rc == 1)
		rc = (int)read(egress->ready, &byte, 1);
	close(egress->ready);
	egress->ready = -1;
	return rc == 1 ? 0 : err_set(e, ERR_INTERNAL, "slirp4netns did not get ready");
}
