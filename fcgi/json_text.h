/* JSON written as text, for the replies whose speed counts: what the store holds goes in as it is. */
#ifndef SOCKERLESS_JSON_TEXT_H
#define SOCKERLESS_JSON_TEXT_H

#include "lib/buf.h"

/* A JSON string. */
void json_put_string(struct buf *out, const char *text);
/* ,"key":"text" */
void json_put_member(struct buf *out, const char *key, const char *text);
/* ,"key":<JSON text>, null for "". */
void json_put_raw(struct buf *out, const char *key, const char *json);

/* How long the JSON string at text is, with its quotes; 0: there is none. */
size_t json_string_length(const char *text);

#endif
