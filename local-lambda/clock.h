/* The two clocks: what the wall shows, and what durations and deadlines are measured by. */
#ifndef SOCKERLESS_LOCAL_CLOCK_H
#define SOCKERLESS_LOCAL_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_ms(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Milliseconds since 1970. */
static inline int64_t wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

/* Milliseconds since some moment; never jumps. */
static inline int64_t mono_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

#endif
