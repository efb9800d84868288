#include "lib/ws.h"

#include <string.h>

#include <openssl/evp.h>

#define WS_CONTROL_MAX 125
#define WS_KEEP 4096 /* an idle connection holds no more than this for its next message */

#define WS_FIN 0x80
#define WS_RESERVED 0x70
#define WS_OPCODE 0x0f
#define WS_MASKED 0x80
#define WS_LENGTH 0x7f

void ws_parser_init(struct ws_parser *p, bool expect_mask, size_t message_max)
{
	*p = (struct ws_parser){ .expect_mask = expect_mask, .message_max = message_max };
	p->message.limit = message_max;
	p->control.limit = WS_CONTROL_MAX;
}

void ws_parser_free(struct ws_parser *p)
{
	buf_free(&p->message);
	buf_free(&p->control);
}

static bool is_control(uint8_t opcode)
{
	return opcode & 8;
}

/* How long the head is, as far as the bytes so far tell. */
static size_t head_need(const struct ws_parser *p)
{
	size_t need = 2;

	if (p->head_len < 2)
		return need;
	if ((p->head[1] & WS_LENGTH) == 126)
		need += 2;
	else if ((p->head[1] & WS_LENGTH) == 127)
		need += 8;
	if (p->head[1] & WS_MASKED)
		need += 4;
	return need;
}

/* The rules that the first two bytes alone can break. */
static bool head_start_valid(const struct ws_parser *p)
{
	uint8_t opcode = p->head[0] & WS_OPCODE, length = p->head[1] & WS_LENGTH;
	bool fin = p->head[0] & WS_FIN;

	if (p->head[0] & WS_RESERVED || !!(p->head[1] & WS_MASKED) != p->expect_mask)
		return false;
	switch (opcode) {
	case WS_CONTINUATION:
		return p->message_opcode != 0;
	case WS_TEXT:
	case WS_BINARY:
		return p->message_opcode == 0;
	case WS_CLOSE:
	case WS_PING:
	case WS_PONG:
		return fin && length <= WS_CONTROL_MAX;
	default:
		return false;
	}
}

static bool read_length(const struct ws_parser *p, uint64_t *ret, size_t *ret_at)
{
	uint64_t length = p->head[1] & WS_LENGTH;
	size_t at = 2;

	if (length == 126) {
		length = (uint64_t)p->head[2] << 8 | p->head[3];
		at = 4;
		if (length < 126)
			return false;
	} else if (length == 127) {
		length = 0;
		for (at = 2; at < 10; at++)
			length = length << 8 | p->head[at];
		if (length <= UINT16_MAX || length >> 63)
			return false;
	}
	*ret = length;
	*ret_at = at;
	return true;
}

static bool begin_frame(struct ws_parser *p)
{
	uint64_t length;
	size_t at;

	if (!read_length(p, &length, &at))
		return false;
	p->opcode = p->head[0] & WS_OPCODE;
	p->fin = p->head[0] & WS_FIN;
	p->masked = p->head[1] & WS_MASKED;
	if (p->masked)
		memcpy(p->mask, p->head + at, sizeof p->mask);
	if (!is_control(p->opcode)) {
		if (length > p->message_max - p->message.len)
			return false;
		if (p->opcode != WS_CONTINUATION)
			p->message_opcode = p->opcode;
	}
	p->remaining = length;
	p->position = 0;
	p->head_len = 0;
	p->in_payload = true;
	return true;
}

static void empty(struct buf *b)
{
	if (b->cap > WS_KEEP)
		buf_free(b);
	else
		buf_reset(b);
}

static bool end_frame(struct ws_parser *p, ws_message_fn *fn, void *arg)
{
	struct buf *b = is_control(p->opcode) ? &p->control : &p->message;
	enum ws_opcode opcode = is_control(p->opcode) ? (enum ws_opcode)p->opcode : (enum ws_opcode)p->message_opcode;
	bool ok;

	p->in_payload = false;
	if (!p->fin)
		return true;
	if (b == &p->message)
		p->message_opcode = 0;
	ok = fn(arg, opcode, b->data ? (const uint8_t *)b->data : (const uint8_t *)"", b->len);
	empty(b);
	return ok;
}

static bool take_payload(struct ws_parser *p, const uint8_t *data, size_t len)
{
	struct buf *b = is_control(p->opcode) ? &p->control : &p->message;
	size_t start = b->len;

	buf_append(b, data, len);
	if (b->failed)
		return false;
	if (p->masked)
		ws_mask((uint8_t *)b->data + start, len, p->mask, p->position);
	p->position += len;
	p->remaining -= len;
	return true;
}

static bool take_head(struct ws_parser *p, uint8_t byte)
{
	p->head[p->head_len++] = byte;
	if (p->head_len == 2 && !head_start_valid(p))
		return false;
	return p->head_len < head_need(p) || begin_frame(p);
}

bool ws_parse(struct ws_parser *p, const uint8_t *data, size_t len, ws_message_fn *fn, void *arg)
{
	while (len) {
		if (!p->in_payload) {
			if (!take_head(p, *data))
				return false;
			data++;
			len--;
		} else {
			size_t part = p->remaining < len ? (size_t)p->remaining : len;

			if (!take_payload(p, data, part))
				return false;
			data += part;
			len -= part;
		}
		if (p->in_payload && !p->remaining && !end_frame(p, fn, arg))
			return false;
	}
	return true;
}

size_t ws_put_head(uint8_t head[WS_HEAD_MAX], enum ws_opcode opcode, uint64_t len, const uint8_t mask[4])
{
	size_t at = 2;
	int bytes = 0;

	head[0] = (uint8_t)(WS_FIN | opcode);
	if (len < 126) {
		head[1] = (uint8_t)len;
	} else if (len <= UINT16_MAX) {
		head[1] = 126;
		bytes = 2;
	} else {
		head[1] = 127;
		bytes = 8;
	}
	for (int i = bytes - 1; i >= 0; i--)
		head[at++] = (uint8_t)(len >> (8 * i));
	if (mask) {
		head[1] |= WS_MASKED;
		memcpy(head + at, mask, 4);
		at += 4;
	}
	return at;
}

void ws_mask(uint8_t *data, size_t len, const uint8_t mask[4], uint64_t position)
{
	uint8_t turned[4];
	uint32_t word, key;
	size_t i = 0;

	for (int k = 0; k < 4; k++)
		turned[k] = mask[(position + (unsigned)k) & 3];
	memcpy(&key, turned, 4);
	for (; i + 4 <= len; i += 4) {
		memcpy(&word, data + i, 4);
		word ^= key;
		memcpy(data + i, &word, 4);
	}
	for (; i < len; i++)
		data[i] ^= turned[i & 3];
}

void ws_accept_key(char accept[29], const char *key)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct buf text = BUF_INIT;
	unsigned int len = 0;

	accept[0] = '\0';
	buf_puts(&text, key);
	buf_puts(&text, guid);
	if (!text.failed && EVP_Digest(text.data, text.len, digest, &len, EVP_sha1(), NULL) == 1 && len == 20)
		EVP_EncodeBlock((unsigned char *)accept, digest, 20);
	buf_free(&text);
}
