/* The multiplexed stream of attach, exec and logs: each frame has a head of 8 bytes. */
#ifndef SOCKERLESS_DOCKER_STREAM_H
#define SOCKERLESS_DOCKER_STREAM_H

#include <stddef.h>
#include <stdint.h>

#define STREAM_HEAD 8

enum stream_kind { STREAM_STDIN = 0, STREAM_STDOUT = 1, STREAM_STDERR = 2 };

/* Kind, three zeros, length (big endian). */
void stream_put_head(uint8_t head[STREAM_HEAD], enum stream_kind kind, uint32_t len);

#endif
