#include "lib/docker/filters.h"

#include <regex.h>
#include <string.h>

#include "lib/json.h"

#define PATTERN_MAX 256

static bool add_value(struct json_object *list, const char *text)
{
	struct json_object *value = json_object_new_string(text);

	if (value && json_object_array_add(list, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

/* One key's values, of either shape; false for any other. */
static bool convert(struct json_object *from, struct json_object *list)
{
	if (json_object_is_type(from, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(from); i++) {
			struct json_object *v = json_object_array_get_idx(from, i);

			if (!json_object_is_type(v, json_type_string) || !add_value(list, json_object_get_string(v)))
				return false;
		}
		return true;
	}
	if (!json_object_is_type(from, json_type_object))
		return false;
	json_object_object_foreach(from, key, flag) {
		if (!json_object_is_type(flag, json_type_boolean))
			return false;
		if (json_object_get_boolean(flag) && !add_value(list, key))
			return false;
	}
	return true;
}

static int convert_all(struct json_object *from, struct json_object *to, struct err *e)
{
	size_t total = 0;

	json_object_object_foreach(from, key, values) {
		struct json_object *list = json_object_new_array();

		if (!list || !json_add(to, key, list))
			return err_nomem(e);
		if (!convert(values, list))
			return err_set(e, ERR_INVALID, "invalid filter");
		total += json_object_array_length(list);
		if (total > FILTERS_VALUES_MAX)
			return err_set(e, ERR_INVALID, "more than %d filter values", FILTERS_VALUES_MAX);
	}
	return 0;
}

int filters_parse(const char *text, struct json_object **ret, struct err *e)
{
	CLEANUP_JSON struct json_object *from = NULL;
	struct json_object *to = json_object_new_object();

	if (!to)
		return err_nomem(e);
	if (*text) {
		if (json_parse(text, strlen(text), &from, e) < 0 || (from && !json_object_is_type(from, json_type_object))) {
			json_object_put(to);
			return err_set(e, ERR_INVALID, "invalid filter");
		}
		if (from && convert_all(from, to, e) < 0) {
			json_object_put(to);
			return -1;
		}
	}
	*ret = to;
	return 0;
}

int filters_check(struct json_object *filters, const char *const *accepted, struct err *e)
{
	json_object_object_foreach(filters, key, values) {
		const char *const *a = accepted;

		(void)values;
		while (*a && strcmp(*a, key) != 0)
			a++;
		if (!*a)
			return err_set(e, ERR_INVALID, "invalid filter '%.200s'", key);
	}
	return 0;
}

size_t filters_count(struct json_object *filters, const char *key)
{
	struct json_object *list = json_array(filters, key);

	return list ? json_object_array_length(list) : 0;
}

const char *filters_value(struct json_object *filters, const char *key, size_t i)
{
	return json_object_get_string(json_object_array_get_idx(json_array(filters, key), i));
}

bool filters_exact(struct json_object *filters, const char *key, const char *text)
{
	size_t n = filters_count(filters, key);

	for (size_t i = 0; i < n; i++)
		if (strcmp(filters_value(filters, key, i), text) == 0)
			return true;
	return n == 0;
}

/*
 * Back-references, repetition counts and repetitions of groups or of
 * repetitions make regcomp and regexec exponential in time and memory.
 * Repeating one character or a set of them does not.
 */
static bool is_dangerous(const char *pattern)
{
	if (strlen(pattern) > PATTERN_MAX || strchr(pattern, '{'))
		return true;
	for (const char *p = strpbrk(pattern, "+*?"); p; p = strpbrk(p + 1, "+*?"))
		if (p > pattern && strchr(")+*?", p[-1]))
			return true;
	for (const char *p = strchr(pattern, '\\'); p; p = strchr(p + 1, '\\'))
		if (p[1] >= '0' && p[1] <= '9')
			return true;
	return false;
}

static bool found(const char *pattern, const char *text)
{
	regex_t regex;
	bool match;

	if (strcmp(pattern, text) == 0)
		return true;
	if (is_dangerous(pattern) || regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return strstr(text, pattern) != NULL;
	match = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return match;
}

bool filters_match(struct json_object *filters, const char *key, const char *text)
{
	size_t n = filters_count(filters, key);

	for (size_t i = 0; i < n; i++)
		if (found(filters_value(filters, key, i), text))
			return true;
	return n == 0;
}

static bool has_label(struct json_object *labels, const char *wanted)
{
	const char *equals = strchr(wanted, '=');

	if (!labels)
		return false;
	json_object_object_foreach(labels, key, value) {
		if (!equals) {
			if (strcmp(key, wanted) == 0)
				return true;
		} else if (strlen(key) == (size_t)(equals - wanted) && strncmp(key, wanted, strlen(key)) == 0) {
			const char *text = json_object_get_string(value);

			return text && strcmp(text, equals + 1) == 0;
		}
	}
	return false;
}

bool filters_match_labels(struct json_object *filters, const char *key, struct json_object *labels)
{
	size_t n = filters_count(filters, key);

	for (size_t i = 0; i < n; i++)
		if (!has_label(labels, filters_value(filters, key, i)))
			return false;
	return true;
}

int filters_boolean(struct json_object *filters, const char *key, int def, struct err *e)
{
	const char *value;

	if (filters_count(filters, key) == 0)
		return def;
	value = filters_value(filters, key, 0);
	if (filters_count(filters, key) == 1 && (strcmp(value, "1") == 0 || strcmp(value, "true") == 0))
		return 1;
	if (filters_count(filters, key) == 1 && (strcmp(value, "0") == 0 || strcmp(value, "false") == 0))
		return 0;
	return err_set(e, ERR_INVALID, "invalid filter '%s=[%.200s]'", key, value);
}
