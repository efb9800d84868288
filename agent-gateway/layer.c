#include "agent-gateway/layer.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/agent.h"
#include "agent-gateway/input.h"
#include "agent-gateway/layer_file.h"
#include "agent-gateway/run.h"
#include "agent-gateway/table.h"
#include "agent-gateway/task.h"
#include "lib/json.h"
#include "lib/log.h"

#define HEAD_MAX (64 * 1024)
#define READ_SIZE (256 * 1024)
#define TAR_FACTOR 4 /* the agent counts a head for each file; long names need more of them */
#define TAR_EXTRA (1 << 20)

/* One file on its way. It lives until its last job has come back. */
struct layer_transfer {
	struct gateway *gw;
	struct run *run;       /* NULL: given up */
	char container[ID_HEX_LEN + 1];
	uint32_t stream;
	bool saving;
	enum layer_kind kind;
	struct layer_file file;
	bool busy;             /* a job is with the thread: beside it only the one that closes */
	uint32_t window;       /* the agent may send so much more */
	uint64_t left;         /* bytes that a file of the agent's may still have */
	struct evbuffer *data; /* from the agent: the head, then what isn't written yet */
	int status;            /* of the head; 0: it hasn't come */
	char *message;
	bool ended;            /* the agent has said all */
	struct input input;    /* to the agent */
};

struct transfer_job {
	struct job job;
	struct layer_transfer *t;
	struct buf data;
};

static void transfer_free(struct layer_transfer *t)
{
	if (t->data)
		evbuffer_free(t->data);
	input_free(&t->input);
	free(t->message);
	free(t);
}

/* Takes the transfer into the thread. False: no memory. */
static bool post(struct layer_transfer *t, int (*run)(struct job *, void *, struct err *), void (*done)(struct job *), struct buf *data)
{
	struct transfer_job *j = calloc(1, sizeof *j);

	if (!j)
		return false;
	j->job = (struct job){ .gw = t->gw, .run = run, .done = done };
	j->t = t;
	if (data) {
		j->data = *data;
		*data = (struct buf)BUF_INIT;
	}
	t->busy = true;
	worker_post(t->gw->layer, &j->job);
	return true;
}

static int close_run(struct job *job, void *context, struct err *e)
{
	layer_file_close(&((struct transfer_job *)job)->t->file);
	return 0;
}

static void close_done(struct job *job)
{
	transfer_free(((struct transfer_job *)job)->t);
	free(job);
}

/* Leaves the run. The thread closes the file behind what it is at, before it gets another one of the container's. */
static void leave(struct layer_transfer *t)
{
	t->run->layer = NULL;
	t->run = NULL;
	if (!post(t, close_run, close_done, NULL))
		log_error("no memory to close a layer's file");
}

/* Frees the job; false: nobody wants the transfer any more, and it is freed by the job that closes its file. */
static bool returned(struct transfer_job *j)
{
	struct layer_transfer *t = j->t;

	buf_free(&j->data);
	free(j);
	t->busy = false;
	return t->run != NULL;
}

static struct layer_transfer *transfer_new(struct run *r, enum layer_kind kind, bool saving)
{
	struct layer_transfer *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->data = evbuffer_new();
	if (!input_init(&t->input, false) || !t->data || RAND_bytes((unsigned char *)&t->stream, sizeof t->stream) != 1) {
		transfer_free(t);
		return NULL;
	}
	t->stream |= TASK_STREAM;
	t->gw = r->gw;
	t->run = r;
	t->saving = saving;
	t->kind = kind;
	t->left = TAR_FACTOR * (r->gw->settings->layer_limit << 20) + TAR_EXTRA;
	strcpy(t->container, r->container->id);
	layer_file_init(&t->file, r->gw->settings->state_dir, r->container->id, kind);
	r->layer = t;
	return t;
}

static void grant(struct layer_transfer *t, uint32_t bytes)
{
	uint8_t at[4];

	wire_put_u32(at, bytes);
	t->window += bytes;
	agent_send(t->run->agent, WIRE_WINDOW, WIRE_STDOUT, t->stream, at, sizeof at);
}

static void open_task(struct layer_transfer *t)
{
	char text[160];

	snprintf(text, sizeof text, "{\"kind\":\"task\",\"task\":\"%s\",\"stdin\":%s,\"limit\":%llu}", t->saving ? "save" : "restore",
		 t->saving ? "false" : "true", (unsigned long long)t->gw->settings->layer_limit << 20);
	agent_send_text(t->run->agent, WIRE_OPEN, t->stream, text);
	grant(t, WIRE_CREDIT);
}

/* Saving. */

void layer_not_kept(struct run *r, const char *why)
{
	char *text = NULL;

	r->save = SAVE_NOTHING;
	log_warn("run %s: what it wrote isn't kept: %s", r->id, why);
	if (asprintf(&text, "%s%swhat the run wrote isn't kept: %s", r->end.error, *r->end.error ? "; " : "", why) < 0)
		return;
	free(r->error);
	r->end.error = r->error = text;
}

static void save_failed(struct layer_transfer *t, const char *why)
{
	struct run *r = t->run;

	if (r->agent && !t->ended)
		agent_send_text(r->agent, WIRE_SIGNAL, t->stream, "{\"signal\":9}");
	layer_not_kept(r, why);
	leave(t);
	run_exit_check(r);
}

static int commit_run(struct job *job, void *context, struct err *e)
{
	struct layer_transfer *t = ((struct transfer_job *)job)->t;

	if (layer_file_commit(&t->file, e) < 0)
		return -1;
	/* They were put back before the run, and are in what is kept now. */
	layer_file_remove(t->gw->settings->state_dir, t->container, LAYER_STAGED);
	return 0;
}

static void commit_done(struct job *job)
{
	struct transfer_job *j = (struct transfer_job *)job;
	struct layer_transfer *t = j->t;
	struct err e = job->err;
	int rc = job->rc;
	struct run *r;

	if (!returned(j))
		return;
	r = t->run;
	if (rc < 0) {
		save_failed(t, e.text);
		return;
	}
	r->save = SAVE_NOTHING;
	leave(t);
	run_exit_check(r);
}

static void save_on(struct layer_transfer *t);

static int write_run(struct job *job, void *context, struct err *e)
{
	struct transfer_job *j = (struct transfer_job *)job;

	return layer_file_write(&j->t->file, j->data.data, j->data.len, e);
}

static void write_done(struct job *job)
{
	struct transfer_job *j = (struct transfer_job *)job;
	struct layer_transfer *t = j->t;
	uint32_t written = (uint32_t)j->data.len;
	struct err e = job->err;
	int rc = job->rc;

	if (!returned(j))
		return;
	if (rc < 0) {
		save_failed(t, e.text);
		return;
	}
	if (!t->ended)
		grant(t, written);
	save_on(t);
}

/* Goes on with what there is: bytes to write, or the end. */
static void save_on(struct layer_transfer *t)
{
	size_t len = evbuffer_get_length(t->data);
	struct buf data = BUF_INIT;

	if (t->busy || !t->status)
		return;
	if (len) {
		if (!buf_reserve(&data, len)) {
			save_failed(t, "out of memory");
			return;
		}
		data.len = (size_t)evbuffer_remove(t->data, data.data, len);
		if (!post(t, write_run, write_done, &data)) {
			buf_free(&data);
			save_failed(t, "out of memory");
		}
	} else if (t->ended && !post(t, commit_run, commit_done, NULL)) {
		save_failed(t, "out of memory");
	}
}

void layer_save(struct run *r)
{
	struct layer_transfer *t = transfer_new(r, LAYER_RUNS, true);

	if (!t) {
		layer_not_kept(r, "out of memory");
		run_exit_check(r);
		return;
	}
	r->save = SAVE_UNDER_WAY;
	open_task(t);
}

/* Restoring. */

static void restore_failed(struct layer_transfer *t, const char *why)
{
	struct run *r = t->run;
	char text[1024];

	snprintf(text, sizeof text, "the container's files can't be put back into the function: %.800s", why);
	leave(t);
	run_start_failed(r, 500, 128, text);
}

static int read_run(struct job *job, void *context, struct err *e)
{
	struct transfer_job *j = (struct transfer_job *)job;

	return layer_file_read(&j->t->file, &j->data, READ_SIZE, e);
}

static void feed(struct layer_transfer *t);

static void read_done(struct job *job)
{
	struct transfer_job *j = (struct transfer_job *)job;
	struct layer_transfer *t = j->t;
	struct err e = job->err;
	int rc = job->rc;
	bool end = rc >= 0 && !j->data.len;

	if (rc >= 0 && t->run && evbuffer_add(t->input.data, j->data.data, j->data.len) < 0)
		rc = err_nomem(&e);
	if (!returned(j))
		return;
	if (rc < 0) {
		restore_failed(t, e.text);
		return;
	}
	t->input.end = end;
	feed(t);
}

/* Keeps less than two pieces of the file in memory. */
static void feed(struct layer_transfer *t)
{
	if (t->ended)
		return;
	input_send(&t->input, t->run->agent, t->stream);
	if (!t->busy && !t->input.end && evbuffer_get_length(t->input.data) < READ_SIZE && !post(t, read_run, read_done, NULL))
		restore_failed(t, "out of memory");
}

static void restore_one(struct run *r, enum layer_kind kind)
{
	struct layer_transfer *t = transfer_new(r, kind, false);

	if (!t) {
		run_start_failed(r, 500, 128, "out of memory");
		return;
	}
	open_task(t);
	feed(t);
}

/* Each file once; then the process may start. */
static void restore_next(struct run *r)
{
	for (int kind = 0; kind < LAYER_KINDS; kind++)
		if (r->files[kind]) {
			restore_one(r, (enum layer_kind)kind);
			return;
		}
	run_send_spec(r);
}

void layer_restore(struct run *r)
{
	agent_send_text(r->agent, WIRE_SPEC, WIRE_SESSION, "{\"stdout\":0,\"stderr\":0,\"hold\":true}");
	restore_next(r);
}

/* What the agent says. */

static bool read_head(struct layer_transfer *t)
{
	CLEANUP_JSON struct json_object *head = NULL;
	struct evbuffer_ptr end = evbuffer_search_eol(t->data, NULL, NULL, EVBUFFER_EOL_LF);
	size_t len = end.pos < 0 ? 0 : (size_t)end.pos;

	if (end.pos < 0)
		return evbuffer_get_length(t->data) <= HEAD_MAX;
	if (len > HEAD_MAX || json_parse((const char *)evbuffer_pullup(t->data, (ssize_t)len + 1), len, &head, NULL) < 0)
		return false;
	t->status = (int)json_int(head, "status", 0);
	t->message = strdup(json_str(head, "message", ""));
	evbuffer_drain(t->data, len + 1);
	return t->status >= 200 && t->status <= 599;
}

static bool on_data(struct layer_transfer *t, const struct wire_message *m)
{
	if (m->len > t->window || (wire_channel(m) != WIRE_STDOUT && wire_channel(m) != WIRE_STDERR))
		return false;
	t->window -= (uint32_t)m->len;
	if (wire_channel(m) == WIRE_STDERR) {
		log_warn("a task of the agent: %.*s", (int)(m->len > 500 ? 500 : m->len), (const char *)m->payload);
		return true;
	}
	if (m->len > t->left && t->saving) {
		save_failed(t, "it is more than the agent has measured");
		return true;
	}
	if (m->len > t->left)
		return false;
	t->left -= m->len;
	if (evbuffer_add(t->data, m->payload, m->len) < 0 || (!t->status && !read_head(t)))
		return false;
	if (t->saving && t->status == 200)
		save_on(t);
	return true;
}

static void on_end(struct layer_transfer *t, int code)
{
	struct run *r = t->run;
	const char *why = t->message && *t->message ? t->message : "the agent couldn't do it";

	t->ended = true;
	if (t->saving) {
		if (code || t->status != 200)
			save_failed(t, why);
		else
			save_on(t);
		return;
	}
	if (code || t->status != 200) {
		restore_failed(t, why);
		return;
	}
	r->files[t->kind] = false;
	leave(t);
	restore_next(r);
}

bool layer_message(struct agent *a, const struct wire_message *m)
{
	struct layer_transfer *t = a->run->layer;
	CLEANUP_JSON struct json_object *o = NULL;

	if (!t || t->stream != m->stream || t->ended)
		return true;
	switch (m->type) {
	case WIRE_DATA:
		return on_data(t, m);
	case WIRE_WINDOW:
		if (t->saving)
			return true; /* of a stdin that nothing is sent to */
		if (!input_grant(&t->input, wire_get_u32(m->payload)))
			return false;
		feed(t);
		return true;
	case WIRE_EXIT:
		on_end(t, json_parse((const char *)m->payload, m->len, &o, NULL) < 0 ? 1 : (int)json_int(o, "code", 1));
		return true;
	case WIRE_FAILED:
		on_end(t, 1);
		return true;
	default:
		return true;
	}
}

struct find_job {
	struct job job;
	char run[RUN_ID_LEN + 1], container[ID_HEX_LEN + 1];
	bool there[LAYER_KINDS];
};

static int find_run(struct job *job, void *context, struct err *e)
{
	struct find_job *j = (struct find_job *)job;
	struct layer_file f;

	for (int kind = 0; kind < LAYER_KINDS; kind++) {
		layer_file_init(&f, job->gw->settings->state_dir, j->container, (enum layer_kind)kind);
		j->there[kind] = layer_file_there(&f);
	}
	return 0;
}

static void find_done(struct job *job)
{
	struct find_job *j = (struct find_job *)job;
	struct run *r = table_find(&job->gw->runs, j->run);

	if (r) {
		memcpy(r->files, j->there, sizeof r->files);
		r->files_known = true;
		if (r->agent && r->agent->greeted)
			run_send_spec(r);
	}
	free(j);
}

void layer_find(struct run *r)
{
	struct find_job *j = calloc(1, sizeof *j);

	if (!j) {
		run_start_failed(r, 500, 128, "out of memory");
		return;
	}
	j->job = (struct job){ .gw = r->gw, .run = find_run, .done = find_done };
	strcpy(j->run, r->id);
	strcpy(j->container, r->container->id);
	worker_post(r->gw->layer, &j->job);
}

struct remove_job {
	struct job job;
	char container[ID_HEX_LEN + 1];
};

static int remove_run(struct job *job, void *context, struct err *e)
{
	layer_files_remove(job->gw->settings->state_dir, ((struct remove_job *)job)->container);
	return 0;
}

static void remove_done(struct job *job)
{
	free(job);
}

void layer_remove(struct container *c)
{
	struct remove_job *j = calloc(1, sizeof *j);

	if (!j)
		return; /* the sweep finds them */
	j->job = (struct job){ .gw = c->gw, .run = remove_run, .done = remove_done };
	strcpy(j->container, c->id);
	worker_post(c->gw->layer, &j->job);
}

void layer_cut(struct run *r)
{
	if (r->layer)
		leave(r->layer);
	if (r->save == SAVE_UNDER_WAY || r->save == SAVE_WANTED)
		r->save = SAVE_CUT;
}
