#include "local-lambda/bucket.h"

#include "local-lambda/clock.h"

void bucket_init(struct bucket *b, double rate)
{
	pthread_mutex_init(&b->lock, NULL);
	b->rate = rate;
	b->tokens = 2 * rate;
	b->filled_ms = mono_ms();
}

bool bucket_take(struct bucket *b)
{
	int64_t now = mono_ms();
	bool taken;

	pthread_mutex_lock(&b->lock);
	b->tokens += b->rate * (double)(now - b->filled_ms) / 1000;
	if (b->tokens > 2 * b->rate)
		b->tokens = 2 * b->rate;
	b->filled_ms = now;
	taken = b->tokens >= 1;
	if (taken)
		b->tokens -= 1;
	pthread_mutex_unlock(&b->lock);
	return taken;
}
