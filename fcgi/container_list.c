/*
 * GET /containers/json: the running containers, newest first; with `all`, a
 * `limit` or a filter for status the others too. What JSON the row holds goes
 * into the reply as text: with a thousand containers, parsing it would be most
 * of the work.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/container.h"
#include "fcgi/container_files.h"
#include "fcgi/image_store.h"
#include "fcgi/json_text.h"
#include "fcgi/list_filters.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/docker/duration.h"
#include "lib/docker/networks.h"
#include "lib/json.h"

#define Q QUERY_CONTAINER_LIST
enum { ID, NAME, STATE, REFERENCE, IMAGE, LABELS, EXPOSED, MODE, NETWORKING, ARGS, CREATED, STARTED, FINISHED, EXIT_CODE, MOUNTS, RESTART_AT, HEALTH, HOST_CONFIG };
#define ANNOTATIONS_SINCE 46

struct listing {
	struct request *req;
	struct buf out;
	int64_t now;
	bool size;
	bool annotations; /* shown */
	char *networks;    /* of the row at hand, rendered; owned */
	char *networks_of; /* what they were made of: most rows have the same; owned */
	struct json_object *images; /* the ids that references of rows stand for now; owned */
};

static const char *status_of(struct store *s)
{
	const char *state = store_text(s, Q, STATE);

	if (strcmp(state, "starting") == 0 && store_int(s, Q, RESTART_AT))
		return "restarting";
	if (strcmp(state, "starting") != 0)
		return state;
	return store_int(s, Q, FINISHED) > 0 ? "exited" : "created";
}

static bool runs(const char *status)
{
	return strcmp(status, "running") == 0 || strcmp(status, "paused") == 0;
}

/* As dockerd shows it beside "Up": "health: starting", else the word alone. */
static const char *health_of(struct store *s)
{
	const char *health = store_text(s, Q, HEALTH);

	return strcmp(health, "starting") == 0 ? "health: starting" : health;
}

static void format_status(struct listing *l, const char *status, char text[96])
{
	struct store *s = l->req->store;
	char ago[DURATION_TEXT_MAX];

	if (runs(status)) {
		duration_format(ago, l->now - store_int(s, Q, STARTED));
		if (strcmp(status, "paused") == 0)
			snprintf(text, 96, "Up %s (Paused)", ago);
		else if (*health_of(s))
			snprintf(text, 96, "Up %s (%s)", ago, health_of(s));
		else
			snprintf(text, 96, "Up %s", ago);
	} else if (strcmp(status, "restarting") == 0) {
		duration_format(ago, l->now - store_int(s, Q, FINISHED));
		snprintf(text, 96, "Restarting (%lld) %s ago", (long long)store_int(s, Q, EXIT_CODE), ago);
	} else if (strcmp(status, "exited") == 0) {
		duration_format(ago, l->now - store_int(s, Q, FINISHED));
		snprintf(text, 96, "Exited (%lld) %s ago", (long long)store_int(s, Q, EXIT_CODE), ago);
	} else {
		snprintf(text, 96, "Created");
	}
}

/*
 * The command as a shell would nearly take it: dockerd quotes what holds a
 * blank. The arguments are JSON strings already, and so is a row of them.
 */
static void put_command(struct buf *out, const char *args)
{
	const char *at = args + (*args == '[');
	size_t len;

	buf_puts(out, ",\"Command\":\"");
	while (at > args && (len = json_string_length(at)) > 0) {
		bool first = at == args + 1;
		const char *quote = !first && memchr(at, ' ', len) ? "'" : "";

		buf_puts(out, first ? "" : " ");
		buf_puts(out, quote);
		buf_append(out, at + 1, len - 2);
		buf_puts(out, quote);
		at += len + (at[len] == ',');
	}
	buf_putc(out, '"');
}

/* Exposed ports of a running container; none is published. */
static void put_ports(struct buf *out, const char *exposed_text)
{
	CLEANUP_JSON struct json_object *exposed = NULL;
	struct err ignored;
	bool first = true;

	buf_puts(out, ",\"Ports\":[");
	if (*exposed_text && json_parse(exposed_text, strlen(exposed_text), &exposed, &ignored) == 0 &&
	    json_object_is_type(exposed, json_type_object)) {
		json_object_object_foreach(exposed, key, unused) {
			const char *slash = strchr(key, '/');

			(void)unused;
			buf_printf(out, "%s{\"PrivatePort\":%d,\"Type\":", first ? "" : ",", atoi(key));
			json_put_string(out, slash ? slash + 1 : "tcp");
			buf_putc(out, '}');
			first = false;
		}
	}
	buf_putc(out, ']');
}

static int render_networks(struct listing *l, struct err *e)
{
	CLEANUP_JSON struct json_object *endpoints = NULL;
	BUF_CLEANUP struct buf networks = BUF_INIT;
	BUF_CLEANUP struct buf source = BUF_INIT;
	const char *text = store_text(l->req->store, Q, NETWORKING), *mode = store_text(l->req->store, Q, MODE);

	buf_puts(&source, mode);
	buf_putc(&source, '\n');
	buf_puts(&source, text);
	if (source.failed)
		return err_nomem(e);
	if (l->networks && strcmp(l->networks_of, source.data) == 0)
		return 0;
	if (*text && json_parse(text, strlen(text), &endpoints, e) < 0)
		return -1;
	networks_put(&networks, endpoints, mode, l->req->minor);
	free(l->networks);
	free(l->networks_of);
	l->networks_of = buf_steal(&source);
	l->networks = buf_steal(&networks);
	return l->networks ? 0 : err_nomem(e);
}

static int put_size(struct listing *l, struct err *e)
{
	struct store *s = l->req->store;
	int rc = store_row(s, QUERY_CONTAINER_IMAGE_SIZE, e, "tt", l->req->tenant, store_text(s, Q, IMAGE));

	int64_t own = container_layer_size(l->req, store_text(s, Q, ID));

	if (own)
		buf_printf(&l->out, ",\"SizeRw\":%lld", (long long)own);
	if (rc == 1)
		buf_printf(&l->out, ",\"SizeRootFs\":%lld", (long long)(store_int(s, QUERY_CONTAINER_IMAGE_SIZE, 0) + own));
	store_reset(s, QUERY_CONTAINER_IMAGE_SIZE);
	return rc < 0 ? -1 : 0;
}

/* The reference as the client wrote it, as long as it stands for the same image; else the image's id. */
static const char *image_of(struct listing *l, struct err *e)
{
	struct store *s = l->req->store;
	const char *reference = store_text(s, Q, REFERENCE), *id = json_str(l->images, reference, NULL);
	char found[DIGEST_SIZE] = "";

	if (!id) {
		if (image_id_of(s, l->req->tenant, reference, found, e) < 0)
			return NULL;
		if (!json_add_str(l->images, reference, found)) {
			err_nomem(e);
			return NULL;
		}
		id = found;
	}
	return strcmp(id, store_text(s, Q, IMAGE)) == 0 ? reference : store_text(s, Q, IMAGE);
}

/* Few have any: the text is parsed for those alone. */
static int put_annotations(struct buf *out, const char *host_config, struct err *e)
{
	CLEANUP_JSON struct json_object *host = NULL;
	struct json_object *annotations;

	if (!strstr(host_config, "\"Annotations\":{"))
		return 0;
	if (json_parse(host_config, strlen(host_config), &host, e) < 0)
		return -1;
	annotations = json_obj(host, "Annotations");
	if (annotations)
		buf_printf(out, ",\"Annotations\":%s", json_text(annotations));
	return 0;
}

static int put_container(struct listing *l, const char *status, struct err *e)
{
	struct store *s = l->req->store;
	struct buf *out = &l->out;
	const char *labels = store_text(s, Q, LABELS), *image = image_of(l, e);
	char text[96];

	if (!image)
		return -1;

	if (out->len > 1)
		buf_putc(out, ',');
	buf_printf(out, "{\"Id\":\"%s\",\"Names\":[\"/%s\"]", store_text(s, Q, ID), store_text(s, Q, NAME));
	json_put_member(out, "Image", image);
	json_put_member(out, "ImageID", store_text(s, Q, IMAGE));
	put_command(out, store_text(s, Q, ARGS));
	buf_printf(out, ",\"Created\":%lld", (long long)(store_int(s, Q, CREATED) / 1000000000));
	put_ports(out, runs(status) ? store_text(s, Q, EXPOSED) : "");
	if (l->size && put_size(l, e) < 0)
		return -1;
	buf_printf(out, ",\"Labels\":%s", *labels ? labels : "{}");
	json_put_member(out, "State", status);
	format_status(l, status, text);
	json_put_member(out, "Status", text);
	buf_puts(out, ",\"HostConfig\":{\"NetworkMode\":");
	json_put_string(out, *store_text(s, Q, MODE) ? store_text(s, Q, MODE) : "default");
	if (l->annotations && put_annotations(out, store_text(s, Q, HOST_CONFIG), e) < 0)
		return -1;
	buf_printf(out, "},\"NetworkSettings\":{\"Networks\":%s},\"Mounts\":%s}", l->networks, store_text(s, Q, MOUNTS));
	return 0;
}

static enum list_verdict judge(struct listing *l, struct list_filters *f, const char *status)
{
	struct store *s = l->req->store;
	const struct list_entry entry = {
		.id = store_text(s, Q, ID),
		.name = store_text(s, Q, NAME),
		.status = status,
		.image_id = store_text(s, Q, IMAGE),
		.labels = store_text(s, Q, LABELS),
		.exposed = runs(status) ? store_text(s, Q, EXPOSED) : "",
		.networks = l->networks,
		.mounts = store_text(s, Q, MOUNTS),
		.exit_code = store_int(s, Q, EXIT_CODE),
		.started_at = store_int(s, Q, STARTED),
		.running = runs(status) || strcmp(status, "restarting") == 0,
		.health = store_text(s, Q, HEALTH),
	};

	return list_filters_judge(f, &entry);
}

static void listing_free(struct listing *l)
{
	free(l->networks);
	free(l->networks_of);
	json_object_put(l->images);
	buf_free(&l->out);
}

static int put_all(struct listing *l, struct list_filters *f, int64_t limit, struct err *e)
{
	struct store *s = l->req->store;
	int64_t every_state = !f->only_running || f->before[0] || f->since[0], shown = 0;
	int rc = 0;

	l->annotations = l->req->minor >= ANNOTATIONS_SINCE;
	l->images = json_object_new_object();
	if (!l->images)
		return err_nomem(e);
	if (store_query(s, Q, e, "iti", (int64_t)l->annotations, l->req->tenant, every_state) < 0)
		return -1;
	while ((limit <= 0 || shown < limit) && (rc = store_step(s, Q, e)) == 1) {
		const char *status = status_of(s);
		enum list_verdict verdict;

		if (render_networks(l, e) < 0)
			return -1;
		verdict = judge(l, f, status);
		if (verdict == LIST_STOP)
			break;
		if (verdict == LIST_SKIP)
			continue;
		if (put_container(l, status, e) < 0)
			return -1;
		shown++;
	}
	store_reset(s, Q);
	return rc < 0 ? -1 : 0;
}

int container_list_all(struct request *req, struct buf *out, struct err *e)
{
	struct listing l = { .req = req, .now = time_now(), .size = true };
	struct list_filters filters = { .every_state = true };
	int rc;

	buf_putc(&l.out, '[');
	rc = put_all(&l, &filters, 0, e);
	store_reset(req->store, Q);
	buf_putc(&l.out, ']');
	if (rc == 0 && l.out.failed)
		rc = err_nomem(e);
	if (rc == 0)
		buf_append(out, l.out.data, l.out.len);
	listing_free(&l);
	return rc;
}

int route_container_list(struct request *req, struct err *e)
{
	struct listing l = { .req = req, .now = time_now(), .size = request_flag(req, "size", false) };
	struct list_filters filters;
	int64_t limit = 0;
	int rc;

	if (*request_query(req, "limit", "") && query_int(req, "limit", ERR_INTERNAL, &limit, e) < 0)
		return -1;
	if (list_filters_read(req, &filters, e) < 0)
		return -1;
	filters.only_running = !request_flag(req, "all", false) && limit <= 0 && !filters.every_state;
	buf_putc(&l.out, '[');
	rc = put_all(&l, &filters, limit, e);
	store_reset(req->store, Q);
	buf_puts(&l.out, "]\n");
	if (rc == 0)
		rc = l.out.failed ? err_nomem(e) : reply_raw(req, 200, "application/json", l.out.data);
	list_filters_free(&filters);
	listing_free(&l);
	return rc;
}
