#include "lib/docker/dockerfile.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"

static const char *const instructions[] = {
	"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL",
	"MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
};

struct parser {
	const char *text;
	size_t len, at;
	int line;                    /* of what is read next, from 1 */
	char escape;
	struct json_object *given;   /* the client's build arguments */
	struct json_object *globals; /* ARGs before the first FROM, with their values */
	struct dockerfile d;
};

static void step_free(struct dockerfile_step *s)
{
	free(s->text);
	free(s->image);
	free(s->written);
	free(s->as);
}

void dockerfile_free(struct dockerfile *d)
{
	for (size_t i = 0; i < d->count; i++)
		step_free(&d->steps[i]);
	free(d->steps);
	memset(d, 0, sizeof *d);
}

/* The next line without its end; false: there is none. */
static bool next_line(struct parser *p, const char **ret, size_t *ret_len)
{
	const char *end;

	if (p->at >= p->len)
		return false;
	*ret = p->text + p->at;
	end = memchr(*ret, '\n', p->len - p->at);
	*ret_len = end ? (size_t)(end - *ret) : p->len - p->at;
	p->at += *ret_len + (end ? 1 : 0);
	p->line++;
	while (*ret_len && ((*ret)[*ret_len - 1] == '\r' || (*ret)[*ret_len - 1] == ' ' || (*ret)[*ret_len - 1] == '\t'))
		--*ret_len;
	return true;
}

static void skip_blank(const char **line, size_t *len)
{
	while (*len && isspace((unsigned char)**line)) {
		++*line;
		--*len;
	}
}

/* "# escape=`" in the comments before everything else. */
static void read_directives(struct parser *p)
{
	struct parser look = *p;
	const char *line;
	size_t len;
	char escape;

	while (next_line(&look, &line, &len) && len < 200) {
		char copy[201];

		snprintf(copy, sizeof copy, "%.*s", (int)len, line);
		if (copy[0] != '#' || !strchr(copy, '='))
			return;
		if (sscanf(copy, "# escape = %c", &escape) == 1 && (escape == '`' || escape == '\\'))
			p->escape = escape;
	}
}

/* One instruction with its continued lines; 0: the end. Comments and empty lines between them are left out. */
static int read_instruction(struct parser *p, struct buf *ret, int *ret_line, struct err *e)
{
	const char *line;
	size_t len;
	bool more = true;

	buf_reset(ret);
	while (more && next_line(p, &line, &len)) {
		const char *body = line;
		size_t n = len;

		skip_blank(&body, &n);
		if (n == 0 || *body == '#')
			continue;
		if (ret->len == 0) {
			*ret_line = p->line;
			line = body;
			len = n;
		}
		more = line[len - 1] == p->escape;
		buf_append(ret, line, more ? len - 1 : len);
	}
	if (ret->failed)
		return err_nomem(e);
	return ret->len > 0;
}

static const char *variable(struct parser *p, const char *name, size_t len)
{
	char key[128];
	struct json_object *v;

	snprintf(key, sizeof key, "%.*s", (int)len, name);
	v = json_get(p->globals, key);
	return v ? json_object_get_string(v) : NULL;
}

/* $NAME, ${NAME}, ${NAME:-default}, ${NAME:+other}; nothing nested. */
static const char *expand_one(struct parser *p, const char *at, struct buf *out)
{
	bool braces = *at == '{';
	const char *name = braces ? at + 1 : at;
	size_t len = 0;
	const char *end, *value;

	while (isalnum((unsigned char)name[len]) || name[len] == '_')
		len++;
	value = variable(p, name, len);
	if (!braces) {
		buf_puts(out, value ? value : "");
		return name + len;
	}
	end = strchr(name + len, '}');
	if (!end)
		return name + len;
	if (strncmp(name + len, ":-", 2) == 0 && (!value || !*value))
		buf_append(out, name + len + 2, (size_t)(end - name) - len - 2);
	else if (strncmp(name + len, ":+", 2) == 0 && value && *value)
		buf_append(out, name + len + 2, (size_t)(end - name) - len - 2);
	else if (strncmp(name + len, ":+", 2) != 0)
		buf_puts(out, value ? value : "");
	return end + 1;
}

static char *expand(struct parser *p, const char *word, size_t len)
{
	BUF_CLEANUP struct buf out = BUF_LIMITED(4096);
	CLEANUP_FREE char *copy = strndup(word, len);

	for (const char *c = copy; c && *c;) {
		if (*c == '$')
			c = expand_one(p, c + 1, &out);
		else if (*c == '"' || *c == '\'')
			c++;
		else
			buf_putc(&out, *c++);
	}
	return copy ? buf_steal(&out) : NULL;
}

static size_t word_of(const char **args)
{
	*args += strspn(*args, " \t");
	return strcspn(*args, " \t");
}

static int keep_global(struct parser *p, const char *args, struct err *e)
{
	size_t len = word_of(&args), n = strcspn(args, "=");
	char key[128];
	CLEANUP_FREE char *value = NULL;

	if (n > len)
		n = len;
	snprintf(key, sizeof key, "%.*s", (int)n, args);
	if (json_get(p->given, key))
		value = strdup(json_str(p->given, key, ""));
	else
		value = expand(p, args + n + (n < len), len - n - (n < len));
	return value && json_add_str(p->globals, key, value) ? 0 : err_nomem(e);
}

static int stage_of(const struct dockerfile *d, const char *name, bool numbers)
{
	char *end;
	long n = strtol(name, &end, 10);

	if (numbers && *name && !*end && n >= 0 && n < d->stages)
		return (int)n;
	for (size_t i = 0; i < d->count; i++)
		if (d->steps[i].as && strcasecmp(d->steps[i].as, name) == 0)
			return d->steps[i].stage;
	return -1;
}

static int read_from(struct parser *p, struct dockerfile_step *s, int line, struct err *e)
{
	const char *args = s->args;
	size_t len;

	while ((len = word_of(&args)) && strncmp(args, "--", 2) == 0)
		args += len;
	if (!len)
		return err_set(e, ERR_INVALID, "dockerfile parse error on line %d: FROM requires either one or three arguments", line);
	s->image = expand(p, args, len);
	s->written = strndup(args, len);
	if (!s->image || !s->written)
		return err_nomem(e);
	if (!*s->image)
		return err_set(e, ERR_INVALID, "base name (%.*s) should not be blank", (int)len, args);
	s->from_stage = stage_of(&p->d, s->image, false);
	s->stage = p->d.stages++;
	args += len;
	len = word_of(&args);
	if (len == 0)
		return 0;
	args += len;
	if (len != 2 || strncasecmp(args - 2, "as", 2) != 0 || !(len = word_of(&args)) || args[len + strspn(args + len, " \t")])
		return err_set(e, ERR_INVALID, "dockerfile parse error on line %d: FROM requires either one or three arguments", line);
	s->as = strndup(args, len);
	return s->as ? 0 : err_nomem(e);
}

static int read_flags(struct parser *p, struct dockerfile_step *s, struct err *e)
{
	const char *args = s->args;
	size_t len;

	for (; (len = word_of(&args)) && strncmp(args, "--", 2) == 0; args += len) {
		if (strcmp(s->name, "RUN") == 0 && (strncmp(args, "--mount", 7) == 0 || strncmp(args, "--security", 10) == 0 || strncmp(args, "--network", 9) == 0))
			return err_set(e, ERR_INVALID, "the %.*s option requires BuildKit, which is not supported here", (int)strcspn(args, "= \t"), args);
		if (strcmp(s->name, "COPY") == 0 && strncmp(args, "--from=", 7) == 0) {
			free(s->image);
			s->image = expand(p, args + 7, len - 7);
			if (!s->image)
				return err_nomem(e);
			s->from_stage = stage_of(&p->d, s->image, true);
		}
	}
	return 0;
}

static int read_step(struct parser *p, struct dockerfile_step *s, int line, struct err *e)
{
	size_t n = strcspn(s->text, " \t"), i = 0;

	s->from_stage = -1;
	s->end = p->at;
	for (size_t c = 0; c < n && c < sizeof s->name - 1; c++)
		s->name[c] = (char)toupper((unsigned char)s->text[c]);
	while (i < sizeof instructions / sizeof *instructions && strcmp(instructions[i], s->name) != 0)
		i++;
	if (i == sizeof instructions / sizeof *instructions || n >= sizeof s->name)
		return err_set(e, ERR_INVALID, "dockerfile parse error on line %d: unknown instruction: %.*s", line, n > 100 ? 100 : (int)n, n < sizeof s->name ? s->name : s->text);
	s->args = s->text + n + strspn(s->text + n, " \t");
	if (!*s->args)
		return err_set(e, ERR_INVALID, "dockerfile parse error on line %d: %s requires at least one argument", line, s->name);
	s->stage = p->d.stages - 1;
	if (strcmp(s->name, "FROM") == 0)
		return read_from(p, s, line, e);
	if (s->stage < 0 && strcmp(s->name, "ARG") == 0)
		return keep_global(p, s->args, e);
	if (s->stage < 0)
		return err_set(e, ERR_INVALID, "dockerfile parse error on line %d: no build stage in current context", line);
	return read_flags(p, s, e);
}

static int add_step(struct parser *p, const char *text, int line, struct err *e)
{
	struct dockerfile_step *s;

	if (p->d.count == DOCKERFILE_STEPS_MAX)
		return err_set(e, ERR_INVALID, "a Dockerfile of more than %d instructions is not supported", DOCKERFILE_STEPS_MAX);
	s = &p->d.steps[p->d.count];
	s->text = strdup(text);
	if (!s->text)
		return err_nomem(e);
	p->d.count++;
	return read_step(p, s, line, e);
}

/* Drops what stands behind the stage `target`. */
static int cut(struct dockerfile *d, const char *target, size_t len, struct err *e)
{
	int stage = *target ? stage_of(d, target, true) : d->stages - 1;
	size_t keep = 0;

	if (stage < 0)
		return err_set(e, ERR_INVALID, "failed to reach build target %s in Dockerfile", target);
	while (keep < d->count && d->steps[keep].stage <= stage)
		keep++;
	d->length = keep < d->count && keep ? d->steps[keep - 1].end : len;
	for (size_t i = keep; i < d->count; i++)
		step_free(&d->steps[i]);
	d->count = keep;
	d->stages = stage + 1;
	return 0;
}

static int parse(struct parser *p, struct err *e)
{
	BUF_CLEANUP struct buf text = BUF_INIT;
	int line = 0, rc;

	while ((rc = read_instruction(p, &text, &line, e)) > 0)
		if (add_step(p, text.data, line, e) < 0)
			return -1;
	if (rc < 0)
		return -1;
	if (p->d.count == 0)
		return err_set(e, ERR_INVALID, "dockerfile parse error: file with no instructions");
	if (p->d.stages == 0)
		return err_set(e, ERR_INVALID, "no build stage in current context");
	return 0;
}

int dockerfile_parse(const char *text, size_t len, struct json_object *args, const char *target, struct dockerfile *ret, struct err *e)
{
	struct parser p = { .text = text, .len = len, .escape = '\\', .given = args };
	int rc = -1;

	if (memchr(text, '\0', len))
		return err_set(e, ERR_INVALID, "dockerfile parse error: the file holds NUL bytes");
	/* UTF-8's byte order mark */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		p.at = 3;
	p.d.steps = calloc(DOCKERFILE_STEPS_MAX, sizeof *p.d.steps);
	p.globals = json_object_new_object();
	if (!p.d.steps || !p.globals)
		err_nomem(e);
	else {
		read_directives(&p);
		rc = parse(&p, e) < 0 || cut(&p.d, target, len, e) < 0 ? -1 : 0;
	}
	json_object_put(p.globals);
	if (rc < 0)
		dockerfile_free(&p.d);
	else
		*ret = p.d;
	return rc;
}
