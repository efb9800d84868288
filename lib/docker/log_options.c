#include "lib/docker/log_options.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/docker/size.h"
#include "lib/json.h"

static int check_names(const char *type, struct json_object *config, struct err *e)
{
	static const char *const known[] = { "max-file", "max-size", "compress", "labels", "labels-regex", "env", "env-regex", "tag", "mode", "max-buffer-size" };

	json_object_object_foreach(config, key, v) {
		bool found = false;

		(void)v;
		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			found = found || strcmp(key, known[i]) == 0;
		if (!found)
			return err_set(e, ERR_INVALID, "unknown log opt '%.200s' for %s log driver", key, type);
	}
	return 0;
}

static int read_size(struct json_object *config, int64_t *ret, struct err *e)
{
	const char *text = json_str(config, "max-size", NULL);

	if (!text)
		return 0;
	if (!size_parse_decimal(text, ret))
		return err_set(e, ERR_INVALID, "invalid size: '%.200s'", text);
	return *ret > 0 ? 0 : err_set(e, ERR_INVALID, "max-size must be a positive number");
}

static int read_files(struct json_object *config, int64_t *ret, struct err *e)
{
	const char *text = json_str(config, "max-file", NULL);
	char *end;

	if (!text)
		return 0;
	errno = 0;
	*ret = strtoll(text, &end, 10);
	if (!*text || *end || errno || strchr(" \t\n\v\f\r", *text))
		return err_set(e, ERR_INVALID, "strconv.Atoi: parsing \"%.200s\": %s", text, errno ? "value out of range" : "invalid syntax");
	if (*ret < 1)
		return err_set(e, ERR_INVALID, "max-file cannot be less than 1");
	return *ret <= LOG_FILES_MAX ? 0 : err_set(e, ERR_INVALID, "max-file above %d is not supported", LOG_FILES_MAX);
}

/* It says nothing about what is kept, but has to fit the rest. */
static int check_compress(struct json_object *config, const struct log_options *o, struct err *e)
{
	static const char *const words[] = { "0", "f", "F", "false", "FALSE", "False", "1", "t", "T", "true", "TRUE", "True" };
	const char *text = json_str(config, "compress", NULL);
	size_t i = 0, n = sizeof words / sizeof *words;

	while (text && i < n && strcmp(text, words[i]) != 0)
		i++;
	if (text && i == n)
		return err_set(e, ERR_INVALID, "strconv.ParseBool: parsing \"%.200s\": invalid syntax", text);
	if (text && i >= n / 2 && (!o->max_size || o->max_files < 2))
		return err_set(e, ERR_INVALID, "compress cannot be true when max-file is less than 2 or max-size is not set");
	return 0;
}

static int check_mode(struct json_object *config, struct err *e)
{
	const char *mode = json_str(config, "mode", ""), *buffer = json_str(config, "max-buffer-size", NULL);
	bool free_running = strcmp(mode, "non-blocking") == 0;
	int64_t bytes;

	if (*mode && !free_running && strcmp(mode, "blocking") != 0)
		return err_set(e, ERR_INVALID, "logger: logging mode not supported: %.200s", mode);
	if (buffer && !free_running)
		return err_set(e, ERR_INVALID, "logger: max-buffer-size option is only supported with 'mode=non-blocking'");
	if (buffer && !size_parse(buffer, &bytes))
		return err_set(e, ERR_INVALID, "error parsing option max-buffer-size: invalid size: '%.200s'", buffer);
	return 0;
}

int log_options_read(const char *type, struct json_object *config, struct log_options *ret, struct err *e)
{
	bool local = strcmp(type, "local") == 0;

	*ret = (struct log_options){ .max_size = local ? 20 << 20 : 0, .max_files = local ? 5 : 1 };
	if (!config)
		return 0;
	if (check_mode(config, e) < 0 || check_names(type, config, e) < 0 || read_size(config, &ret->max_size, e) < 0 ||
	    read_files(config, &ret->max_files, e) < 0)
		return -1;
	return check_compress(config, ret, e);
}
