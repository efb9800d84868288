/* A token bucket: so many calls a second on average, a burst of twice that. Thread-safe. */
#ifndef SOCKERLESS_LOCAL_BUCKET_H
#define SOCKERLESS_LOCAL_BUCKET_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct bucket {
	pthread_mutex_t lock;
	double rate;
	double tokens;
	int64_t filled_ms;
};

void bucket_init(struct bucket *b, double rate);
/* Takes a token; false if there is none. Doesn't wait. */
bool bucket_take(struct bucket *b);

#endif
