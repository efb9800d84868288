#include "fcgi/json_text.h"

#include "lib/json.h"

void json_put_string(struct buf *out, const char *text)
{
	struct json_object *s = json_object_new_string(text);

	if (s)
		buf_puts(out, json_text(s));
	else
		out->failed = true;
	json_object_put(s);
}

void json_put_member(struct buf *out, const char *key, const char *text)
{
	buf_printf(out, ",\"%s\":", key);
	json_put_string(out, text);
}

void json_put_raw(struct buf *out, const char *key, const char *json)
{
	buf_printf(out, ",\"%s\":%s", key, *json ? json : "null");
}
