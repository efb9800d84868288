#include "fcgi/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/docker/reply.h"

#define SEGMENTS_MAX 64
#define API_NEWEST 47
#define API_OLDEST 24

struct route {
	const char *method;
	const char *path;
	const char *handler_name;
	int status;
	const char *reason;
};

static const struct route routes[] = {
#define ROUTE(method, path, pool, body, handler) { #method, path, #handler, 0, NULL },
#define MISSING(method, path, status, reason) { #method, path, NULL, status, reason },
#include "lib/routes.def"
#undef ROUTE
#undef MISSING
};

/* The path cut at its slashes, percent-decoded. */
struct segments {
	char *text[SEGMENTS_MAX];
	size_t count;
};

static void segments_free(struct segments *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->text[i]);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool route_decode(const char *text, size_t len, bool plus, char **ret)
{
	char *out = malloc(len + 1);
	size_t n = 0;

	if (!out)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '%') {
			int high = i + 2 < len ? hex_value(text[i + 1]) : -1;
			int low = i + 2 < len ? hex_value(text[i + 2]) : -1;

			if (high < 0 || low < 0 || (high == 0 && low == 0)) {
				free(out);
				return false;
			}
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		out[n++] = c;
	}
	out[n] = '\0';
	*ret = out;
	return true;
}

static bool is_dots(const char *text, size_t len)
{
	return (len == 1 && text[0] == '.') || (len == 2 && text[0] == '.' && text[1] == '.');
}

/* Whether Go's mux would redirect: an empty segment (not the last) or a dot segment. */
static bool is_unclean(const char *path, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t start = ++i; /* behind the slash */

		while (i < len && path[i] != '/')
			i++;
		if ((i == start && i < len) || is_dots(path + start, i - start))
			return true;
	}
	return false;
}

/* The path without empty and dot segments. What follows (the query) is kept. */
static char *clean(const char *path, size_t len, const char *query)
{
	struct buf out = BUF_INIT;
	bool slash_at_end = false;

	for (size_t i = 0; i < len;) {
		size_t start = ++i, segment;

		while (i < len && path[i] != '/')
			i++;
		segment = i - start;
		slash_at_end = segment == 0 || is_dots(path + start, segment);
		if (segment == 2 && is_dots(path + start, 2)) {
			while (out.len > 0 && out.data[out.len - 1] != '/')
				out.len--;
			if (out.len > 0)
				out.len--;
		} else if (segment > 0 && !slash_at_end) {
			buf_putc(&out, '/');
			buf_append(&out, path + start, segment);
		}
	}
	if (out.len == 0 || (slash_at_end && len > 0 && path[len - 1] == '/'))
		buf_putc(&out, '/');
	buf_puts(&out, query);
	return buf_steal(&out);
}

static bool is_plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f || text[i] == '#' || text[i] == '\\')
			return false;
	return true;
}

/* False when the path can't be any route's: broken escapes, an empty or (once decoded) dot segment, too many. */
static bool split(const char *path, size_t len, struct segments *ret)
{
	for (size_t i = 0; i < len;) {
		size_t start = ++i;
		char *text;

		while (i < len && path[i] != '/')
			i++;
		if (i == start || ret->count == SEGMENTS_MAX || !route_decode(path + start, i - start, false, &text))
			return false;
		ret->text[ret->count++] = text;
		if (is_dots(text, strlen(text)))
			return false;
	}
	return ret->count > 0;
}

static char *join(char *const *text, size_t count)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_putc(&out, '/');
		buf_puts(&out, text[i]);
	}
	return buf_steal(&out);
}

/* Matches a template of the table against count segments; *ret_first and *ret_params: which of them are the parameter. */
static bool match(const char *template, char *const *text, size_t count, size_t *ret_first, size_t *ret_params)
{
	size_t slots = 0, at = 0;

	for (const char *p = template; *p; p++)
		slots += *p == '/';
	*ret_params = 0;
	while (*template) {
		size_t len = strcspn(++template, "/");
		size_t take = 1;

		slots--;
		if (*template == '{') {
			if (len > 5 && strncmp(template + len - 4, "...}", 4) == 0) {
				if (count < at + slots + 1)
					return false;
				take = count - at - slots;
			}
			if (at + take > count)
				return false;
			*ret_first = at;
			*ret_params = take;
		} else if (at >= count || strlen(text[at]) != len || strncmp(template, text[at], len) != 0) {
			return false;
		}
		at += take;
		template += len;
	}
	return at == count;
}

/* 1.43 and the like; false for what is no version (v1.41x, vfoo). */
static bool parse_version(const char *segment, long *ret_major, long *ret_minor)
{
	char *end;

	if (segment[0] != 'v' || !segment[1] || segment[1 + strspn(segment + 1, "0123456789.")])
		return false;
	*ret_major = strtol(segment + 1, &end, 10);
	*ret_minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
	return true;
}

static int found(const struct route *r, char *const *text, size_t first, size_t params, struct route_match *ret, struct err *e)
{
	ret->result = ROUTE_FOUND;
	ret->index = (size_t)(r - routes);
	ret->handler_name = r->handler_name;
	ret->missing_status = r->status;
	ret->missing_reason = r->reason;
	if (params > 0 && !(ret->name = join(text + first, params)))
		return err_nomem(e);
	return 0;
}

static int look_up(const char *method, char *const *text, size_t count, struct route_match *ret, struct err *e)
{
	size_t first = 0, params = 0;

	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
		if (strcmp(routes[i].method, method) == 0 && match(routes[i].path, text, count, &first, &params))
			return found(&routes[i], text, first, params, ret, e);
	return 0;
}

static void judge_version(struct route_match *ret, const char *segment, long major, long minor)
{
	snprintf(ret->version, sizeof ret->version, "%s", segment + 1);
	if (major > 1 || (major == 1 && minor > API_NEWEST))
		ret->result = ROUTE_TOO_NEW;
	else if (major < 1 || minor < API_OLDEST)
		ret->result = ROUTE_TOO_OLD;
	else
		ret->minor = (int)minor;
}

static int match_path(const char *method, const char *path, size_t len, struct route_match *ret, struct err *e)
{
	struct segments s = { .count = 0 };
	long major, minor;
	int rc = 0;

	if (!split(path, len, &s)) {
		segments_free(&s);
		return 0;
	}
	if (parse_version(s.text[0], &major, &minor)) {
		/* Our own paths have no versions. */
		if (s.count > 1 && s.text[1][0] != '.')
			rc = look_up(method, s.text + 1, s.count - 1, ret, e);
		if (rc == 0 && ret->result == ROUTE_FOUND)
			judge_version(ret, s.text[0], major, minor);
	} else {
		rc = look_up(method, s.text, s.count, ret, e);
	}
	segments_free(&s);
	return rc;
}

int route_match(const char *method, const char *uri, struct route_match *ret, struct err *e)
{
	size_t len;

	*ret = (struct route_match){ .result = ROUTE_UNKNOWN, .minor = API_NEWEST };
	if (strncmp(uri, "http://", 7) == 0 || strncmp(uri, "https://", 8) == 0) {
		uri = strchr(uri, ':') + 3;
		uri += strcspn(uri, "/?");
	}
	len = strcspn(uri, "?");
	if (*uri != '/' || !is_plain(uri, strlen(uri)))
		return 0;
	if (is_unclean(uri, len)) {
		ret->location = clean(uri, len, uri + len);
		if (!ret->location)
			return err_nomem(e);
		ret->result = ROUTE_MOVED;
		return 0;
	}
	return match_path(method, uri, len, ret, e);
}

void route_match_free(struct route_match *m)
{
	free(m->name);
	free(m->location);
}
