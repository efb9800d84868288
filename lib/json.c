#include "lib/json.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/utf8.h"

int json_parse(const char *text, size_t len, struct json_object **ret, struct err *e)
{
	struct json_tokener *tok;
	struct json_object *o;
	enum json_tokener_error why;
	size_t end;

	if (len > INT_MAX)
		return err_set(e, ERR_TOO_LARGE, "JSON of %zu bytes is too large", len);
	tok = json_tokener_new_ex(JSON_DEPTH_MAX);
	if (!tok)
		return err_nomem(e);
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, text, (int)len);
	why = json_tokener_get_error(tok);
	if (why == json_tokener_continue) {
		/* A bare number or literal at the end of the text is complete only once something follows it. */
		o = json_tokener_parse_ex(tok, "\n", 1);
		why = json_tokener_get_error(tok);
		end = len;
	} else {
		end = json_tokener_get_parse_end(tok);
	}
	json_tokener_free(tok);
	if (why != json_tokener_success) {
		json_object_put(o);
		return err_set(e, ERR_INVALID, "invalid JSON: %s",
			       why == json_tokener_continue ? "unexpected end of input" : json_tokener_error_desc(why));
	}
	for (; end < len; end++) {
		if (!strchr(" \t\r\n", text[end]) || !text[end]) {
			json_object_put(o);
			return err_set(e, ERR_INVALID, "unexpected content after JSON");
		}
	}
	*ret = o;
	return 0;
}

struct json_object *json_get(struct json_object *o, const char *key)
{
	struct json_object *value = NULL;

	if (!o || !json_object_is_type(o, json_type_object))
		return NULL;
	json_object_object_get_ex(o, key, &value);
	return value;
}

struct json_object *json_path(struct json_object *o, ...)
{
	const char *key;
	va_list ap;

	va_start(ap, o);
	while (o && (key = va_arg(ap, const char *)))
		o = json_get(o, key);
	va_end(ap);
	return o;
}

const char *json_str(struct json_object *o, const char *key, const char *def)
{
	struct json_object *v = json_get(o, key);

	return v && json_object_is_type(v, json_type_string) ? json_object_get_string(v) : def;
}

int64_t json_int(struct json_object *o, const char *key, int64_t def)
{
	struct json_object *v = json_get(o, key);

	return v && json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : def;
}

bool json_flag(struct json_object *o, const char *key, bool def)
{
	struct json_object *v = json_get(o, key);

	return v && json_object_is_type(v, json_type_boolean) ? json_object_get_boolean(v) : def;
}

static struct json_object *get_typed(struct json_object *o, const char *key, enum json_type type)
{
	struct json_object *v = json_get(o, key);

	return v && json_object_is_type(v, type) ? v : NULL;
}

struct json_object *json_array(struct json_object *o, const char *key)
{
	return get_typed(o, key, json_type_array);
}

struct json_object *json_obj(struct json_object *o, const char *key)
{
	return get_typed(o, key, json_type_object);
}

bool json_add(struct json_object *o, const char *key, struct json_object *value)
{
	if (json_object_object_add(o, key, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

static struct json_object *repaired(const char *text)
{
	BUF_CLEANUP struct buf b = BUF_INIT;
	size_t n;

	for (; *text; text += n ? n : 1) {
		n = utf8_character(text);
		if (n)
			buf_append(&b, text, n);
		else
			buf_puts(&b, "\xef\xbf\xbd");
	}
	return b.failed ? NULL : json_object_new_string(b.data);
}

struct json_object *json_string(const char *text)
{
	return utf8_valid(text) ? json_object_new_string(text) : repaired(text);
}

bool json_add_str(struct json_object *o, const char *key, const char *value)
{
	struct json_object *v = value ? json_string(value) : NULL;

	return (v || !value) && json_add(o, key, v);
}

bool json_add_int(struct json_object *o, const char *key, int64_t value)
{
	struct json_object *v = json_object_new_int64(value);

	return v && json_add(o, key, v);
}

bool json_add_bool(struct json_object *o, const char *key, bool value)
{
	struct json_object *v = json_object_new_boolean(value);

	return v && json_add(o, key, v);
}

const char *json_text(struct json_object *o)
{
	return json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}
