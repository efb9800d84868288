/* The keys that detach a client from a terminal, looked for in what it types. */
#ifndef SOCKERLESS_GATEWAY_DETACH_KEYS_H
#define SOCKERLESS_GATEWAY_DETACH_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DETACH_KEYS_MAX 32

struct detach_keys {
	uint8_t keys[DETACH_KEYS_MAX];
	size_t n;       /* 0: none */
	size_t matched; /* held back: they may be the beginning */
};

/* `hex`: the bytes; NULL or "": ctrl-p ctrl-q. */
void detach_keys_init(struct detach_keys *d, const char *hex);

/*
 * Copies input to `out` (room for len + DETACH_KEYS_MAX), held-back keys
 * included once they turn out to be none. True: the keys were typed; what
 * follows them is dropped.
 */
bool detach_keys_filter(struct detach_keys *d, const uint8_t *in, size_t len, uint8_t *out, size_t *ret_len);

/* Moves what is typed from one buffer to another, as detach_keys_filter does. */
struct evbuffer;
bool detach_keys_move(struct detach_keys *d, struct evbuffer *from, struct evbuffer *to);

#endif
