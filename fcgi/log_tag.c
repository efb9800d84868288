#include "fcgi/log_tag.h"

#include <string.h>

#define SHORT_ID 12 /* bytes of whatever dockerd calls an id, "sha256:" included */

static bool put(struct buf *b, const char *field, size_t len, const struct container *c)
{
	const struct {
		const char *name, *value;
		int most; /* bytes; 0: all */
	} fields[] = {
		{ "ID", c ? c->id : "", SHORT_ID },
		{ "FullID", c ? c->id : "", 0 },
		{ "Name", c ? c->name : "", 0 },
		{ "ImageID", c ? c->image_id : "", SHORT_ID },
		{ "ImageFullID", c ? c->image_id : "", 0 },
		{ "ImageName", c ? c->image_reference : "", 0 },
		{ "DaemonName", "docker", 0 },
	};

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (strlen(fields[i].name) != len || memcmp(fields[i].name, field, len) != 0)
			continue;
		if (fields[i].most)
			buf_printf(b, "%.*s", fields[i].most, fields[i].value);
		else
			buf_puts(b, fields[i].value);
		return true;
	}
	return false;
}

int log_tag(const char *text, const struct container *c, struct buf *ret, struct err *e)
{
	const char *open;

	for (; (open = strstr(text, "{{")); text = strstr(open, "}}") + 2) {
		const char *close = strstr(open, "}}"), *field = open + 2 + strspn(open + 2, " ");
		size_t len = strspn(field, ".ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

		buf_append(ret, text, (size_t)(open - text));
		if (!close || field + len + strspn(field + len, " ") != close || *field != '.' || !put(ret, field + 1, len - 1, c))
			return err_set(e, ERR_INVALID, "the log tag's \"%.100s\" is not supported: only {{.ID}}, {{.FullID}}, {{.Name}}, {{.ImageID}}, {{.ImageFullID}}, {{.ImageName}} and {{.DaemonName}} are",
				       open);
	}
	buf_puts(ret, text);
	return ret->failed ? err_nomem(e) : 0;
}
