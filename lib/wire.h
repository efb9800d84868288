/*
 * The messages between gateway and agent. Each is one WebSocket binary
 * message: an 8-byte head (type u8, flags u8, reserved u16 = 0, stream u32,
 * big endian), then the payload: raw bytes for DATA, numbers for ACK and
 * WINDOW, JSON for the rest.
 *
 * Stream 0 is the session itself, stream 1 the container's main process;
 * others are opened by the gateway. The low two bits of `flags` are the
 * channel of DATA, ACK, WINDOW and END: 0 stdin, 1 stdout, 2 stderr.
 */
#ifndef SOCKERLESS_WIRE_H
#define SOCKERLESS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_VERSION 1
#define WIRE_HEAD 8
#define WIRE_PAYLOAD_MAX (64 * 1024)       /* of DATA, its own head not counted */
#define WIRE_MESSAGE_MAX (1024 * 1024)     /* whole message: an OPEN may carry a large environment */
#define WIRE_RETAIN (256 * 1024)           /* unacknowledged bytes the agent keeps for each main channel */
#define WIRE_CREDIT (256 * 1024)           /* credit a receiver grants at first */
#define WIRE_STREAMS_MAX 1024              /* open at once in one session */

#define WIRE_SESSION 0u
#define WIRE_MAIN 1u

enum wire_channel { WIRE_STDIN = 0, WIRE_STDOUT = 1, WIRE_STDERR = 2, WIRE_EXIT_CHANNEL = 3 };

enum wire_type {
	WIRE_HELLO = 1, /* a>g 0: who it is, what it has sent (JSON) */
	WIRE_SPEC,      /* g>a 0: answer to hello: offsets that are safe; the first one starts the process (JSON) */
	WIRE_STARTED,   /* a>g s: {"pid":N} */
	WIRE_FAILED,    /* a>g s: the process couldn't be started (JSON) */
	WIRE_OPEN,      /* g>a s: start an exec (JSON) */
	WIRE_DATA,      /* both s,c */
	WIRE_ACK,       /* g>a 1,c: u64 offset that is safe in the spool; channel 3: the exit is committed */
	WIRE_WINDOW,    /* receiver > sender s,c: u32 more bytes may be sent */
	WIRE_END,       /* sender > receiver s,c: nothing more comes on this channel */
	WIRE_SIGNAL,    /* g>a s: {"signal":N,"seq":M}: M grows; of one that came before only KILL counts */
	WIRE_RESIZE,    /* g>a s: {"h":N,"w":N} */
	WIRE_EXIT,      /* a>g s: after all DATA of the stream (JSON) */
	WIRE_ERROR,     /* both s: {"message":..}; on stream 0 the session is over */
	WIRE_HEALTH,    /* a>g 1: a probe of the health check has begun or ended (JSON) */
	WIRE_STATS,
	WIRE_PING,      /* both 0: payload comes back with WIRE_FLAG_PONG */
	WIRE_PAUSE,     /* g>a 1: {"paused":bool}: stop all processes, or let them go on; a>g 1: the same, done */
	WIRE_TYPES
};

#define WIRE_FLAG_CHANNEL 0x03
#define WIRE_FLAG_PONG 0x04

/* DATA of stream 1 from the agent begins with this: where it stands in the channel and when it was read. */
#define WIRE_STAMP 16 /* u64 offset, u64 nanoseconds since the epoch */

struct wire_message {
	enum wire_type type;
	uint8_t flags;
	uint32_t stream;
	const uint8_t *payload; /* borrowed */
	size_t len;
};

static inline enum wire_channel wire_channel(const struct wire_message *m)
{
	return (enum wire_channel)(m->flags & WIRE_FLAG_CHANNEL);
}

/* Writes the 8 bytes of a message's head. */
void wire_put_head(uint8_t head[WIRE_HEAD], enum wire_type type, uint8_t flags, uint32_t stream);
void wire_put_u32(uint8_t *at, uint32_t v);
void wire_put_u64(uint8_t *at, uint64_t v);
uint32_t wire_get_u32(const uint8_t *at);
uint64_t wire_get_u64(const uint8_t *at);

/* False when the bytes are no message: unknown type or flag, reserved bits set, wrong length for the type, too long. */
bool wire_parse(const uint8_t *data, size_t len, struct wire_message *ret);

const char *wire_type_name(enum wire_type type);

#endif
