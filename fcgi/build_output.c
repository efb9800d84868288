#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/build.h"
#include "fcgi/reply.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/ids.h"
#include "lib/json.h"

static bool labels(const struct build *b)
{
	return b->labels && json_object_object_length(b->labels) > 0;
}

/* The step that buildah's "[stage/stages] STEP n/m: " begins, or 0. What a program prints isn't taken for it unless it is the next one. */
static size_t step_of(struct build_output *o, const char *line)
{
	const struct dockerfile *d = &o->build->file;
	int stage = 1, stages = 1, n, of, end = 0;
	size_t first = 0;

	if (sscanf(line, "STEP %d/%d: %n", &n, &of, &end) < 2 && sscanf(line, "[%d/%d] STEP %d/%d: %n", &stage, &stages, &n, &of, &end) < 4)
		return 0;
	while (first < d->count && d->steps[first].stage < stage - 1)
		first++;
	first += (size_t)n;
	/* buildah, too, adds the client's labels as a step of their own. */
	if (end && n > 0 && first == d->count + 1 && o->step == d->count && labels(o->build))
		return first;
	return end && n > 0 && first <= d->count && d->steps[first - 1].stage == stage - 1 && first > o->step ? first : 0;
}

static void say_running(struct build_output *o)
{
	if (!o->fresh)
		return;
	o->fresh = false;
	o->running = true;
	build_say(o->build, " ---> Running in %.12s\n", o->build->id);
}

static void end_step(struct build_output *o)
{
	say_running(o);
	if (o->running && !o->build->keep_containers)
		build_say(o->build, "Removing intermediate container %.12s\n", o->build->id);
	o->running = false;
}

static void say_ended(struct build_output *o)
{
	if (*o->ended)
		build_say(o->build, " ---> %.12s\n", o->ended);
	*o->ended = '\0';
}

static void begin_labels(struct build_output *o)
{
	struct build *b = o->build;
	BUF_CLEANUP struct buf text = BUF_LIMITED(4000);

	buf_puts(&text, "LABEL");
	json_object_object_foreach(b->labels, key, value)
		buf_printf(&text, " %s=%s", key, json_object_get_string(value));
	build_say_step(b, o->step, text.failed ? "LABEL ..." : text.data);
}

static void begin_step(struct build_output *o, size_t step)
{
	struct build *b = o->build;
	const struct dockerfile_step *s = &b->file.steps[step - 1];
	bool first = o->step == 0;

	end_step(o);
	say_ended(o);
	o->step = step;
	if (step > b->file.count) {
		begin_labels(o);
		return;
	}
	o->fresh = strcmp(s->name, "RUN") == 0;
	/* build_bases() has told the first FROM. */
	if (!first)
		build_say_step(b, step, s->text);
	if (strcmp(s->name, "FROM") == 0 && s->from_stage < 0 && json_get(b->images, s->image))
		build_say(b, " ---> %.12s\n", build_own_id(b, json_str(b->images, s->image, "")));
}

static int keep_unused(struct build_output *o, const char *names, struct err *e)
{
	free(o->build->unused_args);
	o->build->unused_args = strdup(names);
	return o->build->unused_args ? 0 : err_nomem(e);
}

/* buildah shows 11 digits, dockerd 12. */
static void say_image(struct build_output *o, const char *shown)
{
	char id[65];

	if (*o->cached)
		snprintf(id, sizeof id, "%s", o->cached);
	else if (!build_stored(o->build, shown, id))
		snprintf(id, sizeof id, "%.64s", shown);
	*o->cached = '\0';
	snprintf(o->ended, sizeof o->ended, "%s", id);
}

void build_output_done(struct build_output *o)
{
	snprintf(o->ended, sizeof o->ended, "%s", o->build->result + strlen("sha256:"));
	say_ended(o);
}

/* Of logrus, of buildah's helper. */
static bool is_noise(const char *line)
{
	return strncmp(line, "time=\"", 6) == 0 || strncmp(line, "subprocess exited with status ", 30) == 0;
}

/* True: the line was one of buildah's own. */
static bool is_buildahs(struct build_output *o, const char *line, struct err *e)
{
	struct build *b = o->build;
	static const char unused[] = "[Warning] one or more build args were not consumed: ";
	char marker[160];
	size_t step = step_of(o, line);

	snprintf(marker, sizeof marker, "COMMIT localhost/sockerless-build:%s", b->id);
	if (step) {
		begin_step(o, step);
	} else if (strncmp(line, "--> Using cache ", 16) == 0 && hex_is(line + 16, ID_HEX_LEN)) {
		o->fresh = false;
		snprintf(o->cached, sizeof o->cached, "%s", line + 16);
		build_say(b, " ---> Using cache\n");
	} else if (strncmp(line, "--> ", 4) == 0 && hex_is(line + 4, ID_HEX_LEN) && strlen(line) < 20) {
		end_step(o);
		say_image(o, line + 4);
	} else if (strstr(line, marker) && (line[0] == 'C' || line[0] == '[')) {
		end_step(o);
		o->committed = true;
	} else if (o->committed && strlen(line) == ID_HEX_LEN && hex_is(line, ID_HEX_LEN)) {
		snprintf(b->image, sizeof b->image, "%s", line);
	} else if (strncmp(line, unused, sizeof unused - 1) == 0) {
		keep_unused(o, line + sizeof unused - 1, e);
	} else {
		/* the first two: of the sandbox's other steps */
		return o->step == 0 || o->committed || is_noise(line);
	}
	return true;
}

static bool say_line(struct build_output *o, const char *line)
{
	say_running(o);
	return build_say(o->build, "%s\n", line);
}

int build_output_line(void *arg, const char *line, struct err *e)
{
	struct build_output *o = arg;
	CLEANUP_FREE char *before = NULL;

	if (o->failure && is_noise(line))
		return 0;
	/* It is buildah's last word only if nothing else follows. */
	before = STEAL(o->failure);
	if (before && o->step && !o->committed && !say_line(o, before))
		return err_set(e, ERR_INVALID, "the client left during the build");
	if (strncmp(line, "Error: ", 7) == 0) {
		o->failure = strdup(line);
		return o->failure ? 0 : err_nomem(e);
	}
	if (is_buildahs(o, line, e)) {
		free(o->last);
		o->last = strdup(line);
		return o->last ? 0 : err_nomem(e);
	}
	return say_line(o, line) ? 0 : err_set(e, ERR_INVALID, "the client left during the build");
}

/* "/bin/sh -c exit 3", or the words of a JSON array. */
static char *command_of(const struct dockerfile_step *s)
{
	CLEANUP_JSON struct json_object *words = NULL;
	BUF_CLEANUP struct buf text = BUF_INIT;
	struct err e;

	if (s->args[0] != '[' || json_parse(s->args, strlen(s->args), &words, &e) < 0 || !json_object_is_type(words, json_type_array)) {
		buf_printf(&text, "/bin/sh -c %s", s->args);
		return buf_steal(&text);
	}
	for (size_t i = 0; i < json_object_array_length(words); i++)
		buf_printf(&text, "%s%s", i ? " " : "", json_object_get_string(json_object_array_get_idx(words, i)));
	return buf_steal(&text);
}

static void say_error(struct build *b, int code, const char *message)
{
	CLEANUP_JSON struct json_object *line = json_object_new_object();
	struct json_object *detail = json_object_new_object();

	if (line && detail && (code == 0 || json_add_int(detail, "code", code)) && json_add(detail, "message", json_string(message)) &&
	    json_add(line, "errorDetail", detail) && json_add(line, "error", json_string(message)))
		reply_stream_json(b->req, line);
}

/* Without the step's text and, of the helper that copies files, without its request. */
static const char *essence(const char *why)
{
	const char *helper = strstr(why, ": copier: ");
	const char *step = strncmp(why, "building at STEP", 16) == 0 ? strstr(why, "\": ") : NULL;

	return helper ? helper + 10 : step ? step + 3 : why;
}

/* The path between `before` and a quotation mark; NULL: `before` isn't in the text. */
static char *quoted_after(const char *text, const char *before)
{
	const char *at = strstr(text, before);

	return at ? strndup(at + strlen(before), strcspn(at + strlen(before), "\"")) : NULL;
}

/*
 * What a COPY or ADD didn't find in the context, as a path in it; NULL: something else went wrong. Of a link to nothing buildah says only that
 * reading it failed: its helper ends after the message, and if it is quicker than buildah's next request to it, that one's failure is told instead.
 */
static char *missing_source(const struct build *b, const struct dockerfile_step *s, const char *why)
{
	CLEANUP_FREE char *link = quoted_after(why, "reading \"/build/context/");

	if (strcmp(s->name, "COPY") != 0 && strcmp(s->name, "ADD") != 0)
		return NULL;
	if (link && build_context_lacks(b, link))
		return STEAL(link);
	return strstr(why, "no such file") ? quoted_after(why, "copier: stat: \"/") : NULL;
}

/* The same of an image or stage that isn't there to be looked at any more: what could be read and then couldn't, as a path in it. */
static char *unreadable_source(const struct dockerfile_step *s, const char *why)
{
	CLEANUP_FREE char *path = quoted_after(why, "reading \"/storage/");
	const char *inside = path ? strstr(path, "/merged/") : NULL;

	if (!inside || (strcmp(s->name, "COPY") != 0 && strcmp(s->name, "ADD") != 0))
		return NULL;
	return strstr(why, "no such file") || strstr(why, "error encoding request for copier subprocess") ? strdup(inside + strlen("/merged/")) : NULL;
}

/* It ended, or was ended, without an error line. */
static const char *died(struct buf *to, int status, const char *last)
{
	buf_printf(to, "buildah ended with status %d%s%s", status, last && *last ? ", its last words: " : "", last ? last : "");
	return to->failed ? "buildah failed" : to->data;
}

int build_output_failed(struct build_output *o, int status, struct err *e)
{
	const struct dockerfile_step *s = o->step && o->step <= o->build->file.count ? &o->build->file.steps[o->step - 1] : NULL;
	BUF_CLEANUP struct buf silent = BUF_INIT;
	const char *why = o->failure ? o->failure + 7 : died(&silent, status, o->last);
	CLEANUP_FREE char *source = s ? missing_source(o->build, s, why) : NULL;
	CLEANUP_FREE char *unreadable = s ? unreadable_source(s, why) : NULL;
	CLEANUP_FREE char *command = NULL;
	BUF_CLEANUP struct buf text = BUF_INIT;
	int code = 0;

	say_running(o);
	if (s && strcmp(s->name, "RUN") == 0 && (!o->failure || strstr(why, "exit status"))) {
		command = command_of(s);
		buf_printf(&text, "The command '%s' returned a non-zero code: %d", command ? command : s->args, status);
		code = status;
	} else if (source) {
		buf_printf(&text, "%s failed: file not found in build context or excluded by .dockerignore: stat %s: file does not exist", s->name, source);
	} else if (unreadable) {
		buf_printf(&text, "%s failed: stat %s: file does not exist, or it can't be read", s->name, unreadable);
	} else {
		buf_puts(&text, essence(why));
	}
	if (text.failed)
		return err_nomem(e);
	say_error(o->build, code, text.data);
	return 0;
}
