#include "fcgi/json_text.h"

#include "lib/json.h"

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || (unsigned char)*text >= 0x7f || *text == '"' || *text == '\\')
			return false;
	return true;
}

void json_put_string(struct buf *out, const char *text)
{
	struct json_object *s;

	if (is_plain(text)) {
		buf_putc(out, '"');
		buf_puts(out, text);
		buf_putc(out, '"');
		return;
	}
	s = json_string(text);

	if (s)
		buf_puts(out, json_text(s));
	else
		out->failed = true;
	json_object_put(s);
}

static void put_key(struct buf *out, const char *key)
{
	buf_puts(out, ",\"");
	buf_puts(out, key);
	buf_puts(out, "\":");
}

void json_put_member(struct buf *out, const char *key, const char *text)
{
	put_key(out, key);
	json_put_string(out, text);
}

void json_put_raw(struct buf *out, const char *key, const char *json)
{
	put_key(out, key);
	buf_puts(out, *json ? json : "null");
}

size_t json_string_length(const char *text)
{
	size_t at = 1;

	if (*text != '"')
		return 0;
	while (text[at] && text[at] != '"')
		at += text[at] == '\\' && text[at + 1] ? 2 : 1;
	return text[at] ? at + 1 : 0;
}
