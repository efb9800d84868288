#include "local-lambda/sandbox_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "local-lambda/fd_pass.h"

#define START_WAIT_MS 20000

struct guard {
	const struct guard_plan *plan;
	struct egress egress;
	pid_t init;    /* 0: none */
	int status_fd; /* from init */
	int exit_fd;   /* to the host process */
};

/* The lowest of the wanted descriptors from `from` on; -1: none. */
static int keep_next(const struct guard_plan *plan, int from)
{
	int lowest = plan->control >= from ? plan->control : -1;

	for (int h = 0; h < CGROUP_HIERARCHIES; h++) {
		if (plan->procs[h] >= from && (lowest < 0 || plan->procs[h] < lowest))
			lowest = plan->procs[h];
		if (plan->guard_procs[h] >= from && (lowest < 0 || plan->guard_procs[h] < lowest))
			lowest = plan->guard_procs[h];
	}
	return lowest;
}

/* Descriptors of the host process must not live on in its guards: its clients would wait for them. */
static void others_close(const struct guard_plan *plan)
{
	int from = 3;

	for (int keep; (keep = keep_next(plan, from)) >= 0; from = keep + 1)
		if (keep > from)
			close_range((unsigned)from, (unsigned)keep - 1, 0);
	close_range((unsigned)from, ~0u, 0);
}

static void process_prepare(const struct guard_plan *plan)
{
	int null;
	sigset_t blocked;

	others_close(plan);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		close(null);
	}
	/* A Ctrl-C at the host process's terminal isn't meant for its guards. */
	setsid();
	/* Not by prctl(): with AddressSanitizer it takes a lock that another thread may have held at the fork. */
	syscall(SYS_prctl, PR_SET_NAME, "sandbox-guard", 0, 0, 0);
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	for (int h = 0; h < CGROUP_HIERARCHIES; h++)
		if (plan->guard_procs[h] >= 0) {
			if (write(plan->guard_procs[h], "0", 1) != 1)
				log_warn("a sandbox's guard could not enter its cgroup: %s", strerror(errno));
			close(plan->guard_procs[h]);
		}
}

static void reply_send(const struct guard *guard, const struct err *e, const int *fds, unsigned count)
{
	struct guard_reply reply = { .failed = e != NULL, .kind = e ? e->kind : ERR_NONE };

	if (e)
		snprintf(reply.text, sizeof reply.text, "%.*s", (int)sizeof reply.text - 1, e->text);
	fd_send(guard->plan->control, &reply, sizeof reply, fds, count);
}

static int network_setup(struct guard *guard, int fds[2], struct err *e)
{
	struct sockaddr_in runtime = { .sin_family = AF_INET, .sin_port = htons(NETNS_RUNTIME_PORT) };

	runtime.sin_addr.s_addr = htonl(0xa9fe6401);
	if (netns_up(e) < 0 || netns_listen(&runtime, &fds[0], e) < 0)
		return -1;
	return guard->plan->relay ? netns_listen(&guard->plan->relay_inside, &fds[1], e) : 0;
}

static void egress_give_up(struct guard *guard, const struct err *why)
{
	log_warn("a sandbox has no way to the outside: %s", why->text);
	if (guard->egress.pid > 0)
		close(guard->egress.go);
	guard->egress.pid = 0;
}

static int sandbox_setup(struct guard *guard, int fds[2], struct err *e)
{
	const struct guard_plan *plan = guard->plan;
	struct err why;

	if (plan->slirp && egress_prepare(&guard->egress, plan->slirp, plan->subnet, &why) < 0)
		egress_give_up(guard, &why);
	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS) < 0)
		return err_errno(e, errno, "making namespaces");
	if (guard->egress.pid && egress_start(&guard->egress, &why) < 0)
		egress_give_up(guard, &why);
	if (sethostname("169-254-100-1", 13) < 0)
		return err_errno(e, errno, "naming the sandbox");
	if (network_setup(guard, fds, e) < 0 || guard_mount(plan, e) < 0)
		return -1;
	if (guard->egress.pid && egress_wait(&guard->egress, &why) < 0)
		egress_give_up(guard, &why);
	return netns_refuse(&plan->host, e);
}

static int start_answer(const struct guard *guard, const struct start_result *result, struct err *e)
{
	const char *why = strerror(result->error);

	switch (result->stage) {
	case START_WORKDIR:
		return err_set(e, ERR_INVALID, "Runtime.InvalidWorkingDir: chdir %s: %s", guard->plan->workdir, why);
	case START_EXEC:
		return err_set(e, ERR_INVALID, "Runtime.InvalidEntrypoint: fork/exec %s: %s", guard->plan->argv[0], why);
	default:
		return err_set(e, ERR_INTERNAL, "setting up the function's process: %s", why);
	}
}

/* What the new process says before its execve closes the pipe: nothing, if all is well. */
static int start_result_read(struct guard *guard, int fd, struct err *e)
{
	struct start_result result;
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	ssize_t n = -1;

	if (poll(&wait, 1, START_WAIT_MS) == 1)
		n = read(fd, &result, sizeof result);
	if (n == 0)
		return 0;
	kill(guard->init, SIGKILL);
	if (n != sizeof result)
		return err_set(e, ERR_TIMEOUT, "the function's process did not start within %d s", START_WAIT_MS / 1000);
	return start_answer(guard, &result, e);
}

static int init_start(struct guard *guard, int output, struct err *e)
{
	int result[2], status[2];
	long pid;

	if (pipe2(result, O_CLOEXEC) < 0)
		return err_errno(e, errno, "starting the function");
	if (pipe2(status, O_CLOEXEC) < 0) {
		close(result[0]);
		close(result[1]);
		return err_errno(e, errno, "starting the function");
	}
	pid = syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0) {
		close(result[0]);
		close(status[0]);
		close(guard->plan->control);
		guard_init(guard->plan, output, result[1], status[1]);
	}
	close(result[1]);
	close(status[1]);
	int rc = pid < 0 ? err_errno(e, errno, "starting the function") : 0;

	guard->init = pid < 0 ? 0 : (pid_t)pid;
	guard->status_fd = status[0];
	if (pid > 0)
		rc = start_result_read(guard, result[0], e);
	else
		close(status[0]);
	close(result[0]);
	return rc;
}

static void start_handle(struct guard *guard, int fds[FD_PASS_MAX])
{
	struct err e;

	if (guard->init) {
		err_set(&e, ERR_CONFLICT, "the function's process runs already");
		reply_send(guard, &e, NULL, 0);
		close(fds[1]);
	} else {
		int rc = init_start(guard, fds[0], &e);

		guard->exit_fd = guard->init ? fds[1] : -1;
		if (!guard->init)
			close(fds[1]);
		reply_send(guard, rc < 0 ? &e : NULL, NULL, 0);
	}
	close(fds[0]);
}

static void init_ended(struct guard *guard)
{
	int status;

	/* An init that was killed says nothing. */
	if (read(guard->status_fd, &status, sizeof status) != sizeof status)
		status = SIGKILL;
	if (write(guard->exit_fd, &status, sizeof status) < 0)
		log_debug("nobody waits for the end of a function's process");
	close(guard->status_fd);
	close(guard->exit_fd);
	guard->init = 0;
}

static void children_reap(struct guard *guard)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == guard->init) {
			init_ended(guard);
		} else if (pid == guard->egress.pid) {
			log_warn("slirp4netns ended: a sandbox has lost its way to the outside");
			guard->egress.pid = 0;
		}
	}
}

/* False at the end of the control socket: the host process is gone or wants no more. */
static bool request_handle(struct guard *guard)
{
	struct guard_request request;
	int fds[FD_PASS_MAX];
	ssize_t n = fd_receive(guard->plan->control, &request, sizeof request, fds);

	if (n != sizeof request)
		return false;
	if (request.verb == GUARD_START)
		start_handle(guard, fds);
	else if (guard->init)
		kill(guard->init, request.verb == GUARD_KILL ? SIGKILL : request.verb == GUARD_STOP ? SIGUSR1 : SIGUSR2);
	return true;
}

static void guard_loop(struct guard *guard, int signals)
{
	struct pollfd wait[2] = { { .fd = guard->plan->control, .events = POLLIN }, { .fd = signals, .events = POLLIN } };

	for (;;) {
		struct signalfd_siginfo info;

		if (poll(wait, 2, -1) < 0)
			continue;
		if (wait[1].revents && read(signals, &info, sizeof info) > 0)
			children_reap(guard);
		if (wait[0].revents && !request_handle(guard))
			return;
	}
}

void guard_run(const struct guard_plan *plan)
{
	struct guard guard = { .plan = plan, .status_fd = -1, .exit_fd = -1 };
	int fds[2] = { -1, -1 }, signals;
	struct err e = { .kind = ERR_NONE };
	sigset_t child;

	process_prepare(plan);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0 || sandbox_setup(&guard, fds, &e) < 0) {
		if (signals < 0)
			err_errno(&e, errno, "signalfd");
		reply_send(&guard, &e, NULL, 0);
		_exit(1);
	}
	reply_send(&guard, NULL, fds, plan->relay ? 2 : 1);
	/* The listeners are the host process's from here on. */
	close(fds[0]);
	if (plan->relay)
		close(fds[1]);
	guard_loop(&guard, signals);
	if (guard.init) {
		kill(guard.init, SIGKILL);
		waitpid(guard.init, NULL, 0);
	}
	if (guard.egress.pid) {
		kill(guard.egress.pid, SIGKILL);
		waitpid(guard.egress.pid, NULL, 0);
	}
	_exit(0);
}
