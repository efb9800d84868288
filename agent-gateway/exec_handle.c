/*
 * GET /.gateway/tunnel/exec/<exec>: starts it and carries its streams; it
 * ends after the exit code is committed. /.gateway/http/exec-detached/<exec>:
 * 200 once it runs. /.gateway/http/exec-resize/<exec>: waits until it runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/agent.h"
#include "agent-gateway/conn.h"
#include "agent-gateway/exec.h"
#include "agent-gateway/reply.h"
#include "agent-gateway/route.h"
#include "agent-gateway/run.h"
#include "agent-gateway/store_exec.h"
#include "agent-gateway/table.h"
#include "lib/buf.h"
#include "lib/docker/exec_error.h"
#include "lib/json.h"
#include "lib/log.h"

struct begin_job {
	struct job job;
	struct conn *conn;           /* holds a reference */
	char exec[ID_HEX_LEN + 1];
	char container[ID_HEX_LEN + 1];
	char run[RUN_ID_LEN + 1];
	uint32_t stream;
	int height, width;
	bool tty, has_stdin, detached;
	char *open;                  /* the message for the agent */
};

static bool add_copy(struct json_object *to, const char *key, struct json_object *from, const char *from_key)
{
	struct json_object *v = json_array(from, from_key);

	return json_add(to, key, v ? json_object_get(v) : json_object_new_array());
}

/* The agent gets what the exec's create said, with the container's working directory and user where it said nothing. */
static int make_open(struct begin_job *j, const char *config, const char *spec, struct err *e)
{
	CLEANUP_JSON struct json_object *c = NULL, *s = NULL, *o = json_object_new_object();
	const char *cwd, *user;

	if (!o)
		return err_nomem(e);
	if (json_parse(config, strlen(config), &c, e) < 0 || json_parse(spec, strlen(spec), &s, e) < 0)
		return -1;
	cwd = json_str(c, "WorkingDir", "");
	user = json_str(c, "User", "");
	j->tty = json_flag(c, "Tty", false);
	j->has_stdin = json_flag(c, "AttachStdin", false);
	if (!json_add_str(o, "kind", "exec") || !add_copy(o, "args", c, "Cmd") || !add_copy(o, "env", c, "Env") ||
	    !json_add_str(o, "cwd", *cwd ? cwd : json_str(s, "cwd", "/")) ||
	    !json_add_str(o, "user", *user ? user : json_str(s, "user", "")) || !json_add_bool(o, "tty", j->tty) ||
	    !json_add_bool(o, "stdin", j->has_stdin && !j->detached) || !json_add_int(o, "height", j->height) ||
	    !json_add_int(o, "width", j->width))
		return err_nomem(e);
	free(j->open);
	j->open = strdup(json_text(o));
	return j->open ? 0 : err_nomem(e);
}

/* As dockerd: program, a blank, its arguments. */
static void command_text(struct buf *text, const char *config)
{
	CLEANUP_JSON struct json_object *c = NULL;
	struct json_object *args;

	buf_puts(text, "exec_start:");
	if (json_parse(config, strlen(config), &c, NULL) < 0 || !(args = json_array(c, "Cmd")))
		return;
	for (size_t i = 0; i < json_object_array_length(args); i++)
		buf_printf(text, " %s", json_object_get_string(json_object_array_get_idx(args, i)));
	if (json_object_array_length(args) == 1)
		buf_putc(text, ' ');
}

static int begin_checked(struct begin_job *j, struct store *s, struct err *e)
{
	const enum query q = QUERY_GATEWAY_EXEC;
	BUF_CLEANUP struct buf action = BUF_INIT;

	if (strcmp(store_text(s, q, 3), "created"))
		return err_set(e, ERR_CONFLICT, "Error: Exec command %s %s", j->exec,
			       strcmp(store_text(s, q, 3), "exited") ? "is already running" : "has already run");
	if (!strcmp(store_text(s, q, 5), "paused"))
		return err_set(e, ERR_CONFLICT, "Container %s is paused, unpause the container before exec", store_text(s, q, 0));
	if (strcmp(store_text(s, q, 5), "running"))
		return err_set(e, ERR_CONFLICT, "container %s is not running", store_text(s, q, 0));
	snprintf(j->container, sizeof j->container, "%s", store_text(s, q, 0));
	if (make_open(j, store_text(s, q, 2), store_text(s, q, 4), e) < 0)
		return -1;
	command_text(&action, store_text(s, q, 2));
	if (action.failed)
		return err_nomem(e);
	if (store_run(s, QUERY_GATEWAY_EXEC_STARTING, e, "itt", (int64_t)j->stream, j->run, j->exec) < 0)
		return -1;
	return store_exec_event(s, j->container, j->exec, action.data, NULL, e);
}

static int begin_run(struct job *job, void *context, struct err *e)
{
	struct begin_job *j = (struct begin_job *)job;
	struct store *s = context;
	int rc = store_row(s, QUERY_GATEWAY_EXEC, e, "t", j->exec);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "No such exec instance: %s", j->exec);
	if (rc > 0)
		rc = begin_checked(j, s, e);
	store_reset(s, QUERY_GATEWAY_EXEC);
	return rc;
}

/* The client's side of an exec; state is NULL once the exec has ended. */

static void on_readable(struct conn *c)
{
	struct exec *x = c->state;

	if (!x || x->detached)
		evbuffer_drain(conn_input(c), evbuffer_get_length(conn_input(c)));
	else
		exec_input(x);
}

static void on_drained(struct conn *c)
{
	if (c->state)
		exec_drained(c->state);
}

static void on_eof(struct conn *c)
{
	if (c->state)
		exec_input_ends(c->state);
}

static void on_closed(struct conn *c)
{
	if (c->state)
		exec_client_gone(c->state);
}

static const struct conn_ops exec_ops = { .readable = on_readable, .drained = on_drained, .eof = on_eof, .closed = on_closed };

static struct exec *exec_new(struct begin_job *j, struct run *r)
{
	struct exec *x = calloc(1, sizeof *x);

	if (!x)
		return NULL;
	strcpy(x->id, j->exec);
	x->run = r;
	x->stream = j->stream;
	x->tty = j->tty;
	x->has_stdin = j->has_stdin && !j->detached;
	x->detached = j->detached;
	LIST_INIT(&x->resizes);
	if (!input_init(&x->input, false) || !table_add(&r->gw->execs, x)) {
		input_free(&x->input);
		free(x);
		return NULL;
	}
	LIST_INSERT_HEAD(&r->execs, x, link);
	return x;
}

static void take_client(struct exec *x, struct conn *c)
{
	x->conn = c;
	if (!x->detached) {
		reply_tunnel(c, x->tty, true);
		detach_keys_init(&x->keys, conn_arg(c, "detach_keys", ""));
		if (x->has_stdin)
			input_add(&x->input, &x->source, c);
	}
	conn_take(c, &exec_ops, x);
}

static void begin_opened(struct begin_job *j, struct run *r)
{
	struct conn *c = j->conn;
	struct exec *x;

	if (!r || !r->agent || !r->agent->greeted || r->phase != RUN_STARTED) {
		if (!c->dead)
			reply_error(c, 503, "the agent of container %s is out of reach", j->container);
		store_post_exec_end(j->job.gw, j->container, j->run, j->stream, EXEC_LOST_STARTING, false, NULL);
		return;
	}
	x = exec_new(j, r);
	if (!x) {
		reply_error(c, 503, "out of memory");
		store_post_exec_end(j->job.gw, j->container, j->run, j->stream, EXEC_LOST_STARTING, false, NULL);
		return;
	}
	if (!c->dead)
		take_client(x, c);
	exec_open(x, j->open);
}

static void begin_done(struct job *job)
{
	struct begin_job *j = (struct begin_job *)job;

	if (job->rc >= 0)
		begin_opened(j, table_find(&job->gw->runs, j->run));
	else if (!j->conn->dead)
		reply_error(j->conn, err_status(job->err.kind), "%s", job->err.text);
	conn_unref(j->conn);
	free(j->open);
	free(j);
}

/* First which run it is, since the stream's id is drawn in the loop. */

struct find_job {
	struct job job;
	struct conn *conn;
	char container[ID_HEX_LEN + 1];
	char run[RUN_ID_LEN + 1];
	bool detached;
};

static int find_run(struct job *job, void *context, struct err *e)
{
	struct find_job *j = (struct find_job *)job;
	struct store *s = context;
	int found = store_row(s, QUERY_GATEWAY_EXEC, e, "t", j->conn->id);

	if (found <= 0)
		return found ? -1 : err_set(e, ERR_NOT_FOUND, "No such exec instance: %s", j->conn->id);
	snprintf(j->container, sizeof j->container, "%s", store_text(s, QUERY_GATEWAY_EXEC, 0));
	snprintf(j->run, sizeof j->run, "%s", store_text(s, QUERY_GATEWAY_EXEC, 1));
	store_reset(s, QUERY_GATEWAY_EXEC);
	return 0;
}

static void begin(struct find_job *f, struct run *r)
{
	struct begin_job *j = calloc(1, sizeof *j);
	struct conn *c = f->conn;

	if (!j || r->last_stream == UINT32_MAX) {
		free(j);
		reply_error(c, 503, "out of memory");
		return;
	}
	j->job = (struct job){ .gw = c->gw, .run = begin_run, .done = begin_done, .writes = true };
	j->conn = c;
	conn_ref(c);
	strcpy(j->exec, c->id);
	strcpy(j->run, r->id);
	j->stream = ++r->last_stream;
	j->detached = f->detached;
	j->height = (int)(conn_arg_int(c, "h", 0) & 0xffff);
	j->width = (int)(conn_arg_int(c, "w", 0) & 0xffff);
	worker_post(c->gw->store, &j->job);
}

static void find_done(struct job *job)
{
	struct find_job *j = (struct find_job *)job;
	struct container *container = table_find(&job->gw->containers, j->container);
	struct run *r = container ? container->run : NULL;

	if (j->conn->dead)
		;
	else if (job->rc < 0)
		reply_error(j->conn, err_status(job->err.kind), "%s", job->err.text);
	else if (!r)
		reply_error(j->conn, 409, "container %s is not running", j->container);
	else if (!r->agent || !r->agent->greeted)
		reply_error(j->conn, 503, "the agent of container %s is out of reach", j->container);
	else
		begin(j, r);
	conn_unref(j->conn);
	free(j);
}

static void exec_find(struct conn *c, bool detached)
{
	struct find_job *j = calloc(1, sizeof *j);

	if (!j) {
		reply_error(c, 503, "out of memory");
		return;
	}
	j->job = (struct job){ .gw = c->gw, .run = find_run, .done = find_done };
	j->conn = c;
	j->detached = detached;
	conn_ref(c);
	worker_post(c->gw->store, &j->job);
}

void exec_tunnel_handle(struct conn *c)
{
	exec_find(c, false);
}

void exec_detached_handle(struct conn *c)
{
	exec_find(c, true);
}

void exec_answer_detached(struct exec *x)
{
	struct conn *c = x->conn;

	if (!x->detached || !c)
		return;
	x->conn = NULL;
	c->state = NULL;
	if (x->failure) {
		x->failure[strcspn(x->failure, "\r\n")] = '\0';
		reply_error(c, x->lost ? 503 : 400, "%s", x->failure);
	} else {
		reply_empty(c, 200);
	}
}
