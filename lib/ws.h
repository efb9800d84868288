/*
 * WebSocket framing (RFC 6455) for both ends of the agents' connections:
 * binary messages, fragments joined up to a limit, control frames. No
 * extensions. The opening handshake's key is here too; the rest of it is
 * HTTP and stands with its user.
 */
#ifndef SOCKERLESS_WS_H
#define SOCKERLESS_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

#define WS_HEAD_MAX 14

enum ws_opcode { WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

struct ws_parser {
	bool expect_mask;    /* a server expects masked frames, a client unmasked ones */
	size_t message_max;
	struct buf message;  /* the fragments so far, or a control frame's payload */
	struct buf control;
	uint8_t head[WS_HEAD_MAX];
	size_t head_len;
	uint64_t remaining;  /* of the current frame's payload */
	uint64_t position;   /* in the current frame, for the mask */
	uint8_t mask[4];
	uint8_t opcode;      /* of the current frame */
	uint8_t message_opcode; /* of the message being joined; 0: none */
	bool in_payload, fin, masked;
};

void ws_parser_init(struct ws_parser *p, bool expect_mask, size_t message_max);
void ws_parser_free(struct ws_parser *p);

/* Called for each whole message or control frame; the data is borrowed. Returning false stops the parser with failure. */
typedef bool ws_message_fn(void *arg, enum ws_opcode opcode, const uint8_t *data, size_t len);

/* Feeds bytes as they come. False: the peer broke the framing or a limit (or fn said so); drop it. */
bool ws_parse(struct ws_parser *p, const uint8_t *data, size_t len, ws_message_fn *fn, void *arg);

/* Writes a frame's head for a payload of len bytes (FIN set) and returns the head's length; mask NULL: unmasked. */
size_t ws_put_head(uint8_t head[WS_HEAD_MAX], enum ws_opcode opcode, uint64_t len, const uint8_t mask[4]);
/* Masks in place; `position` is the offset of data within the payload. */
void ws_mask(uint8_t *data, size_t len, const uint8_t mask[4], uint64_t position);

/* The Sec-WebSocket-Accept value for a Sec-WebSocket-Key: 28 characters and a NUL. */
void ws_accept_key(char accept[29], const char *key);

#endif
