#include "local-lambda/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "local-lambda/fd_pass.h"
#include "local-lambda/sandbox_guard.h"
#include "local-lambda/sandbox_host.h"
#include "local-lambda/tmp_disk.h"
#include "local-lambda/tree_remove.h"

#define REPLY_WAIT_S 60 /* longer than all that a guard waits for itself */

struct sandbox {
	struct sandbox_host *host;
	struct image *image;
	struct cgroup *cgroup;
	char name[80];
	pid_t guard;
	int control;
	int listener;
	struct relay_listener *relay;
	pthread_mutex_t lock; /* requests on `control`, and the members below */
	int exit_fd;          /* -1: not started, or its end is known */
	int wstatus;
	unsigned long oom_kills; /* at the last start */
};

/* The file behind /tmp and what the guard can fall back to. */
struct tmp_paths {
	char *image; /* NULL: none could be made */
	char *dir;
};

static int name_check(const char *name, struct err *e)
{
	size_t len = strlen(name);

	if (!len || len > 64 || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != len)
		return err_set(e, ERR_INVALID, "\"%s\" is no name for a sandbox", name);
	return 0;
}

static int dir_prepare(struct sandbox *s, unsigned tmp_mb, struct tmp_paths *ret, struct err *e)
{
	CLEANUP_CLOSE int dir = -1;
	struct err why;

	if (mkdirat(s->host->sandboxes, s->name, 0700) < 0)
		return err_errno(e, errno, "sandbox %s", s->name);
	dir = openat(s->host->sandboxes, s->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || mkdirat(dir, "tmp", 0700) < 0 ||
	    asprintf(&ret->dir, "%s/sandboxes/%s/tmp", s->host->dir, s->name) < 0)
		return err_errno(e, errno, "sandbox %s", s->name);
	if (tmp_disk_create(s->host->templates, dir, "tmp.img", tmp_mb, &why) < 0) {
		log_warn("/tmp is a plain directory without a limit of its size: %s", why.text);
		return 0;
	}
	if (asprintf(&ret->image, "%s/sandboxes/%s/tmp.img", s->host->dir, s->name) < 0) {
		ret->image = NULL;
		return err_nomem(e);
	}
	return 0;
}

static int guard_fork(struct sandbox *s, const struct sandbox_spec *spec, const struct tmp_paths *tmp, int control, struct err *e)
{
	const struct sandbox_host *host = s->host;
	struct guard_plan plan = {
		.image_dir = image_dir(s->image),
		.layers = image_layer_count(s->image),
		.skeleton_dir = host->skeleton_dir,
		.root_dir = host->root_dir,
		.tmp_image = tmp->image,
		.tmp_dir = tmp->dir,
		.slirp = host->slirp,
		.subnet = host->subnet,
		.relay = host->relay != NULL,
		.relay_inside = host->relay_inside,
		.argv = spec->argv,
		.envp = spec->envp,
		.workdir = spec->workdir && *spec->workdir ? spec->workdir : "/",
		.limit_processes = !cgroup_tree_limits_pids(host->cgroups),
		.filter = host->filter,
		.control = control,
	};
	int rc = cgroup_open_procs(s->cgroup, plan.procs, e);

	if (cgroup_open_procs(host->guards, plan.guard_procs, e) < 0 || netns_host_read(&plan.host, e) < 0)
		rc = -1;
	if (rc == 0) {
		s->guard = fork();
		if (s->guard == 0)
			guard_run(&plan);
		if (s->guard < 0)
			rc = err_errno(e, errno, "starting a sandbox's guard");
	}
	for (int h = 0; h < CGROUP_HIERARCHIES; h++) {
		if (plan.procs[h] >= 0)
			close(plan.procs[h]);
		if (plan.guard_procs[h] >= 0)
			close(plan.guard_procs[h]);
	}
	return rc;
}

/* Blocks for the guard's answer. */
static int reply_receive(struct sandbox *s, int fds[FD_PASS_MAX], struct err *e)
{
	struct guard_reply reply;
	ssize_t n = fd_receive(s->control, &reply, sizeof reply, fds);

	if (n != sizeof reply)
		return err_set(e, ERR_INTERNAL, n < 0 ? "the sandbox's guard doesn't answer" : "the sandbox's guard is gone");
	reply.text[sizeof reply.text - 1] = '\0';
	return reply.failed ? err_set(e, reply.kind, "%s", reply.text) : 0;
}

static int guard_start(struct sandbox *s, const struct sandbox_spec *spec, const struct tmp_paths *tmp, struct err *e)
{
	const struct timeval patience = { .tv_sec = REPLY_WAIT_S };
	int pair[2], fds[FD_PASS_MAX], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(e, errno, "starting a sandbox's guard");
	s->control = pair[0];
	setsockopt(s->control, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	rc = guard_fork(s, spec, tmp, pair[1], e);
	close(pair[1]);
	if (rc < 0 || reply_receive(s, fds, e) < 0)
		return -1;
	s->listener = fds[0];
	if (!s->host->relay)
		return 0;
	rc = relay_add(s->host->relay, fds[1], &s->relay, e);
	if (rc < 0 && fds[1] >= 0)
		close(fds[1]);
	return rc;
}

int sandbox_create(struct sandbox_host *host, const struct sandbox_spec *spec, struct sandbox **ret, struct err *e)
{
	struct tmp_paths tmp = { NULL, NULL };
	struct sandbox *s;
	int rc;

	if (name_check(spec->name, e) < 0)
		return -1;
	s = calloc(1, sizeof *s);
	if (!s)
		return err_nomem(e);
	s->host = host;
	s->image = image_ref(spec->image);
	s->control = s->listener = s->exit_fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	snprintf(s->name, sizeof s->name, "%s.%u", spec->name, atomic_fetch_add(&host->next, 1));
	rc = dir_prepare(s, spec->tmp_mb, &tmp, e);
	if (rc == 0)
		rc = cgroup_create(host->cgroups, s->name, spec->memory_mb, SANDBOX_PROCESSES_MAX, &s->cgroup, e);
	if (rc == 0)
		rc = guard_start(s, spec, &tmp, e);
	free(tmp.image);
	free(tmp.dir);
	if (rc < 0) {
		sandbox_destroy(s);
		return err_prefix(e, "sandbox %s", spec->name);
	}
	*ret = s;
	return 0;
}

int sandbox_runtime_listener(struct sandbox *s)
{
	return s->listener;
}

static int start_locked(struct sandbox *s, int output, int exit_write, struct err *e)
{
	struct guard_request request = { .verb = GUARD_START };
	int fds[FD_PASS_MAX], send[2] = { output, exit_write };

	cgroup_thaw(s->cgroup);
	s->oom_kills = cgroup_oom_kills(s->cgroup);
	if (fd_send(s->control, &request, sizeof request, send, 2) < 0)
		return err_set(e, ERR_INTERNAL, "the sandbox's guard is gone");
	return reply_receive(s, fds, e);
}

int sandbox_start(struct sandbox *s, int *ret_output_fd, struct err *e)
{
	int output[2], ended[2], status, rc;

	if (pipe2(output, O_CLOEXEC) < 0)
		return err_errno(e, errno, "starting the function");
	if (pipe2(ended, O_CLOEXEC) < 0) {
		close(output[0]);
		close(output[1]);
		return err_errno(e, errno, "starting the function");
	}
	pthread_mutex_lock(&s->lock);
	rc = s->exit_fd >= 0 ? err_set(e, ERR_CONFLICT, "the function's process runs already")
			     : start_locked(s, output[1], ended[1], e);
	close(output[1]);
	close(ended[1]);
	if (rc == 0)
		s->exit_fd = ended[0];
	pthread_mutex_unlock(&s->lock);
	if (rc < 0) {
		close(output[0]);
		/* Only when the failed process is gone can another start be tried. */
		while (read(ended[0], &status, sizeof status) < 0 && errno == EINTR)
			;
		close(ended[0]);
		return -1;
	}
	*ret_output_fd = output[0];
	return 0;
}

int sandbox_wait(struct sandbox *s, int *ret_wstatus)
{
	int fd, status;
	ssize_t n;

	pthread_mutex_lock(&s->lock);
	fd = s->exit_fd;
	status = s->wstatus;
	pthread_mutex_unlock(&s->lock);
	if (fd >= 0) {
		do
			n = read(fd, &status, sizeof status);
		while (n < 0 && errno == EINTR);
		/* A guard that was killed took everything with it. */
		if (n != sizeof status)
			status = SIGKILL;
		pthread_mutex_lock(&s->lock);
		s->wstatus = status;
		s->exit_fd = -1;
		pthread_mutex_unlock(&s->lock);
		close(fd);
	}
	*ret_wstatus = status;
	return 0;
}

static void verb_send(struct sandbox *s, enum guard_verb verb)
{
	struct guard_request request = { .verb = verb };

	if (fd_send(s->control, &request, sizeof request, NULL, 0) < 0)
		log_debug("sandbox %s: its guard is gone", s->name);
}

void sandbox_freeze(struct sandbox *s)
{
	if (!cgroup_freeze(s->cgroup))
		verb_send(s, GUARD_STOP);
}

void sandbox_thaw(struct sandbox *s)
{
	if (!cgroup_thaw(s->cgroup))
		verb_send(s, GUARD_CONTINUE);
}

void sandbox_kill(struct sandbox *s)
{
	/* Process 1 takes all the others with it, whatever cgroups there are; frozen ones of version 1 stay until thawed. */
	verb_send(s, GUARD_KILL);
	cgroup_kill(s->cgroup);
}

unsigned sandbox_memory_peak_mb(struct sandbox *s)
{
	return cgroup_memory_peak_mb(s->cgroup);
}

bool sandbox_oom_killed(struct sandbox *s)
{
	return cgroup_oom_kills(s->cgroup) > s->oom_kills;
}

void sandbox_destroy(struct sandbox *s)
{
	int status;

	if (!s)
		return;
	if (s->host->relay)
		relay_remove(s->host->relay, s->relay);
	if (s->cgroup)
		cgroup_kill(s->cgroup);
	for (int *fd = (int[]){ s->control, s->listener, s->exit_fd, -2 }; *fd != -2; fd++)
		if (*fd >= 0)
			close(*fd);
	/* Its control socket is closed: the guard ends, and with it the mounts and the network. */
	while (s->guard > 0 && waitpid(s->guard, &status, 0) < 0 && errno == EINTR)
		;
	cgroup_remove(s->cgroup);
	tree_remove(s->host->sandboxes, s->name);
	image_unref(s->image);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
