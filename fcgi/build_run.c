#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi/build.h"
#include "fcgi/image_registry.h"
#include "fcgi/image_store.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"

#define TICK_MS 200
#define LINE_MAX_BYTES 4000
#define ARGUMENTS_MAX 4096
#define BUILDAH_MEMORY (UINT64_C(512) << 20) /* what buildah itself may need, beside what the client allows RUN */
#define REPORT_FD 3
#define STATUS_FAILED 249 /* builder/builder.h: from here on the reason is on REPORT_FD */

struct sandbox {
	struct build *build;
	pid_t pid;
	int life, out, report; /* our ends: standard input's, output's, reasons' */
	struct buf line, reason;
	const struct build_listener *listener;
};

static void child_exec(const struct settings *s, const struct build *b, const char *const *argv, int life, int out, int report)
{
	static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	char memory[24], disk[24], processes[24], seconds[24];
	uint64_t asked = (uint64_t)b->memory + BUILDAH_MEMORY;
	uint64_t bytes = b->memory && asked < s->build_memory ? asked : s->build_memory;
	const char *all[ARGUMENTS_MAX + 10] = { s->builder_path, b->dir, b->storage, b->egress ? "egress" : "none", memory, disk, processes, seconds };
	size_t n = 8;
	sigset_t none;

	snprintf(memory, sizeof memory, "%llu", (unsigned long long)bytes);
	snprintf(disk, sizeof disk, "%llu", (unsigned long long)(s->build_disk + s->build_cache));
	snprintf(processes, sizeof processes, "%llu", (unsigned long long)s->build_processes);
	snprintf(seconds, sizeof seconds, "%llu", (unsigned long long)s->build_timeout);
	while (*argv && n < ARGUMENTS_MAX)
		all[n++] = *argv++;
	sigemptyset(&none);
	/* Above what they are copied to, so that none overwrites another. */
	life = fcntl(life, F_DUPFD, 10);
	out = fcntl(out, F_DUPFD, 10);
	report = fcntl(report, F_DUPFD, 10);
	if (dup2(life, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || dup2(report, REPORT_FD) < 0 || close_range(REPORT_FD + 1, ~0u, 0) < 0 ||
	    sigprocmask(SIG_SETMASK, &none, NULL) < 0 || signal(SIGTERM, SIG_DFL) == SIG_ERR || signal(SIGPIPE, SIG_DFL) == SIG_ERR)
		_exit(STATUS_FAILED);
	execve(all[0], (char *const *)all, (char *const *)environment);
	dprintf(REPORT_FD, "starting %s: %s\n", all[0], strerror(errno));
	_exit(STATUS_FAILED);
}

static int start(struct sandbox *s, const char *const *argv, struct err *e)
{
	int life[2], out[2], report[2];

	if (pipe2(life, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(report, O_CLOEXEC) < 0 || (s->pid = fork()) < 0)
		return err_errno(e, errno, "starting the build");
	if (s->pid == 0)
		child_exec(s->build->req->settings, s->build, argv, life[0], out[1], report[1]);
	close(life[0]);
	close(out[1]);
	close(report[1]);
	s->life = life[1];
	s->out = out[0];
	s->report = report[0];
	return 0;
}

static int tell(struct sandbox *s, char *line, struct err *e)
{
	size_t n = strlen(line);

	if (n && line[n - 1] == '\r')
		line[n - 1] = '\0';
	return s->listener ? s->listener->line(s->listener->arg, line, e) : 0;
}

/* Whole lines, and pieces of very long ones. NULs are dropped. */
static int take_output(struct sandbox *s, const char *data, size_t len, struct err *e)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] != '\n' && data[i] != '\0')
			buf_putc(&s->line, data[i]);
		if (data[i] != '\n' && s->line.len < LINE_MAX_BYTES)
			continue;
		if (tell(s, s->line.data ? s->line.data : (char[]){ "" }, e) < 0)
			return -1;
		buf_reset(&s->line);
	}
	return s->line.failed ? err_nomem(e) : 0;
}

/* Until both pipes end: 0, or -1 when the client left or was told enough. */
static int pump(struct sandbox *s, struct err *e)
{
	struct pollfd wait[] = { { .fd = s->out, .events = POLLIN }, { .fd = s->report, .events = POLLIN } };
	char data[16384];

	while (wait[0].fd >= 0 || wait[1].fd >= 0) {
		if (poll(wait, 2, TICK_MS) < 0 && errno != EINTR)
			return err_errno(e, errno, "waiting for the build");
		if (s->listener && request_client_left(s->build->req))
			return err_set(e, ERR_INVALID, "the client left during the build");
		for (int i = 0; i < 2; i++) {
			ssize_t n = wait[i].fd >= 0 && wait[i].revents ? read(wait[i].fd, data, sizeof data) : -2;

			if (n == 0 || n == -1)
				wait[i].fd = -1;
			else if (n > 0 && i == 1)
				buf_append(&s->reason, data, (size_t)n);
			else if (n > 0 && take_output(s, data, (size_t)n, e) < 0)
				return -1;
		}
	}
	return s->line.len ? tell(s, s->line.data, e) : 0;
}

/* "used N", or why the sandbox ended the build. */
static int read_reason(struct sandbox *s, int status, struct err *e)
{
	const char *text = s->reason.data ? s->reason.data : "";

	if (sscanf(text, "used %lld", (long long *)&s->build->used) == 1)
		return status;
	if (status < STATUS_FAILED)
		return status;
	return err_set(e, strstr(text, "not supported") ? ERR_NOT_SUPPORTED : ERR_INTERNAL, "%.*s", (int)strcspn(text, "\n"), *text ? text : "the build's sandbox failed");
}

int build_sandbox(struct build *b, const char *const *argv, const struct build_listener *l, struct err *e)
{
	struct sandbox s = { .build = b, .life = -1, .out = -1, .report = -1, .listener = l, .reason = BUF_LIMITED(8192) };
	int rc, status = 0;

	if (start(&s, argv, e) < 0)
		return -1;
	rc = pump(&s, e);
	/* The end of its input ends what still runs. */
	close(s.life);
	close(s.out);
	while (waitpid(s.pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc == 0)
		rc = read_reason(&s, WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_FAILED, e);
	close(s.report);
	buf_free(&s.line);
	buf_free(&s.reason);
	return rc;
}

struct arguments {
	const char *list[ARGUMENTS_MAX];
	char *owned[ARGUMENTS_MAX];
	size_t n, n_owned;
};

static void add(struct arguments *a, const char *text)
{
	if (a->n < ARGUMENTS_MAX - 1)
		a->list[a->n++] = text;
}

__attribute__((format(printf, 2, 3))) static void addf(struct arguments *a, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text && a->n_owned < ARGUMENTS_MAX) {
		a->owned[a->n_owned++] = text;
		add(a, text);
	}
}

static void add_bases(struct arguments *a, struct build *b)
{
	json_object_object_foreach(b->images, name, hex) {
		CLEANUP_FREE char *path = NULL;

		(void)name;
		if (asprintf(&path, "%s/base/%s", b->dir, json_object_get_string(hex)) < 0 || access(path, F_OK) < 0)
			continue;
		add(a, "/usr/bin/buildah");
		add(a, "pull");
		add(a, "-q");
		addf(a, "dir:/build/base/%s", json_object_get_string(hex));
		add(a, ";");
	}
}

static void add_pairs(struct arguments *a, const char *option, struct json_object *pairs)
{
	if (!pairs)
		return;
	json_object_object_foreach(pairs, key, value)
		if (json_object_is_type(value, json_type_string))
			addf(a, "%s=%s=%s", option, key, json_object_get_string(value));
}

static void add_build(struct arguments *a, struct build *b)
{
	const char *host;
	size_t position = 0;

	add(a, "/usr/bin/buildah");
	add(a, "bud");
	add(a, "--layers");
	add(a, "--pull-never");
	add(a, "--format=docker");
	add(a, "--identity-label=false");
	if (b->nocache)
		add(a, "--no-cache");
	if (b->shm_size)
		addf(a, "--shm-size=%lldb", (long long)b->shm_size);
	addf(a, "--tag=localhost/sockerless-build:%s", b->id);
	json_object_object_foreach(b->images, name, hex)
		addf(a, "--build-context=%s=docker-image://%s", name, json_object_get_string(hex));
	/* buildah looks for FROM's image as it is written, too. */
	for (size_t i = 0; i < b->file.count; i++) {
		const struct dockerfile_step *s = &b->file.steps[i];

		if (s->written && s->from_stage < 0 && strcmp(s->written, s->image) != 0 && json_get(b->images, s->image))
			addf(a, "--build-context=%s=docker-image://%s", s->written, json_str(b->images, s->image, ""));
	}
	add_pairs(a, "--build-arg", b->args);
	add_pairs(a, "--label", b->labels);
	while ((host = request_query_next(b->req, "extrahosts", &position)))
		if (*host)
			addf(a, "--add-host=%s", host);
	add(a, "--file=/build/Dockerfile");
	add(a, "/build/context");
}

static void arguments_free(struct arguments *a)
{
	for (size_t i = 0; i < a->n_owned; i++)
		free(a->owned[i]);
}
#define ARGUMENTS_CLEANUP __attribute__((cleanup(arguments_free)))

/* 1: the tenant has got the result, and the registry has still got its manifest. */
static int is_known(struct build *b, struct err *e)
{
	IMAGE_ROW_CLEANUP struct image_row row = { .config = NULL };
	REGISTRY_CLEANUP struct registry *r = NULL;
	int rc = image_load(b->req->store, b->req->tenant, b->result, &row, e);

	if (rc <= 0)
		return rc;
	return image_registry_open(b->req, false, &r, e) < 0 ? -1 : registry_head_manifest(r, row.manifest_digest, NULL, e);
}

/* The result into dir/out, unless it is known. */
static int write_result(struct build *b, struct build_output *o, struct err *e)
{
	ARGUMENTS_CLEANUP struct arguments a = { .n = 0 };
	struct build_listener l = { build_output_line, o };
	int rc = build_config(b, e);

	if (rc == 0)
		rc = is_known(b, e);
	b->known = rc > 0;
	if (rc)
		return rc < 0 ? -1 : 0;
	/* The result is one of the bases, which were there before. */
	if (!b->config_text)
		return err_set(e, ERR_CONFLICT, "the image %s was removed while it was built", b->result);
	b->egress = false;
	add(&a, "/usr/bin/buildah");
	add(&a, "push");
	add(&a, "-q");
	addf(&a, "localhost/sockerless-build:%s", b->id);
	add(&a, "oci:/build/out:result");
	return build_sandbox(b, a.list, &l, e);
}

int build_run(struct build *b, struct err *e)
{
	ARGUMENTS_CLEANUP struct arguments arguments = { .n = 0 };
	struct arguments *a = &arguments;
	struct build_output o = { .build = b };
	struct build_listener l = { build_output_line, &o };
	int status;

	if (b->remove_containers) {
		add(a, "/usr/bin/buildah");
		add(a, "rm");
		add(a, "--all");
		add(a, ";");
	}
	add_bases(a, b);
	add_build(a, b);
	status = build_sandbox(b, a->list, &l, e);
	if (status == 0)
		status = *b->image ? write_result(b, &o, e) : err_set(e, ERR_INTERNAL, "buildah told no image id");
	if (status == 0)
		build_output_done(&o);
	if (status > 0) {
		*b->image = '\0';
		status = build_output_failed(&o, status, e);
	}
	free(o.failure);
	free(o.last);
	return status;
}
