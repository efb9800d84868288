#include "lib/registry/copy.h"

#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/registry/layer_copy.h"
#include "lib/registry/transport.h"

struct copy {
	struct registry *from, *to;
	struct image *image;
	const struct copy_listener *listener;
	const struct copy_sink *sink;
	bool wanted[IMAGE_LAYERS_MAX];
	pthread_mutex_t lock; /* of the listener, and of all below */
	size_t next;          /* the layer that the next free thread looks at */
	const struct image_layer *source; /* the layers as the source calls them */
	pthread_mutex_t order; /* of what follows; taken before `lock` */
	bool arrived[IMAGE_LAYERS_MAX];
	size_t complete;      /* layers below this one were told to be */
	atomic_bool failed;
	struct err why;       /* the first failure */
};

/* A failure ends the other threads' transfers too. */
static bool is_cancelled(void *arg)
{
	struct copy *c = arg;

	return atomic_load(&c->failed) || (c->from->cancelled && c->from->cancelled(c->from->cancelled_arg));
}

static struct layer_copy part_of(struct copy *c, struct registry *from, struct registry *to)
{
	return (struct layer_copy){ from, to, c->listener, c->sink, &c->lock, is_cancelled, c };
}

/* A layer that stands twice in an image moves once. The first place of it; n itself mostly. */
static size_t first_place(const struct image *i, size_t n)
{
	size_t k = 0;

	while (strcmp(i->layers[k].digest, i->layers[n].digest) != 0)
		k++;
	return k;
}

/* What there is to do, before any of it, so that the user sees all of it. */
static int plan(struct copy *c, size_t places[IMAGE_LAYERS_MAX], struct err *e)
{
	struct layer_copy part = part_of(c, c->from, c->to);
	struct image *i = c->image;
	size_t wanted = 0;

	for (size_t n = 0; n < i->n_layers; n++)
		places[n] = first_place(i, n);
	for (size_t n = 0; n < i->n_layers; n++) {
		char digest[DIGEST_SIZE];
		int there;

		memcpy(digest, i->layers[n].digest, DIGEST_SIZE);
		there = places[n] < n ? 1 : layer_known(&part, &i->layers[n], e);
		if (there < 0 || layer_report(&part, digest, there ? "Already exists" : "Pulling fs layer", 0, 0, e) < 0)
			return -1;
		c->wanted[n] = !there;
	}
	for (size_t n = 0; n < i->n_layers; n++)
		if (c->wanted[n] && wanted++ >= COPY_THREADS && layer_report(&part, i->layers[n].digest, "Waiting", 0, 0, e) < 0)
			return -1;
	return 0;
}

static struct image_layer *next_layer(struct copy *c)
{
	struct image_layer *found = NULL;

	pthread_mutex_lock(&c->lock);
	while (!found && !atomic_load(&c->failed) && c->next < c->image->n_layers) {
		if (c->wanted[c->next])
			found = &c->image->layers[c->next];
		c->next++;
	}
	pthread_mutex_unlock(&c->lock);
	return found;
}

/* "Pull complete" comes from the lowest layer up, as dockerd unpacks them, whichever arrives first. */
static int tell_complete(struct copy *c, const struct layer_copy *part, size_t n, struct err *e)
{
	int rc = 0;

	pthread_mutex_lock(&c->order);
	c->arrived[n] = true;
	for (; rc == 0 && c->complete < c->image->n_layers && (c->arrived[c->complete] || !c->wanted[c->complete]); c->complete++)
		if (c->wanted[c->complete])
			rc = layer_report(part, c->source[c->complete].digest, "Pull complete", 0, 0, e);
	pthread_mutex_unlock(&c->order);
	return rc;
}

static void fail(struct copy *c, const struct err *e)
{
	pthread_mutex_lock(&c->lock);
	if (!atomic_load(&c->failed))
		c->why = *e;
	atomic_store(&c->failed, true);
	pthread_mutex_unlock(&c->lock);
}

static void *copy_main(void *arg)
{
	struct copy *c = arg;
	REGISTRY_CLEANUP struct registry *from = NULL;
	REGISTRY_CLEANUP struct registry *to = NULL;
	struct image_layer *layer;
	struct layer_copy part;
	struct err e = { 0 };

	if (registry_clone(c->from, is_cancelled, c, &from, &e) < 0 || registry_clone(c->to, is_cancelled, c, &to, &e) < 0) {
		fail(c, &e);
		return NULL;
	}
	part = part_of(c, from, to);
	while ((layer = next_layer(c)))
		if (layer_copy(&part, layer, &e) < 0 || tell_complete(c, &part, (size_t)(layer - c->image->layers), &e) < 0)
			fail(c, &e);
	return NULL;
}

/* The caller is one of the threads. Fewer of them than wished are no error. */
static int work(struct copy *c, struct err *e)
{
	pthread_t threads[COPY_THREADS - 1];
	sigset_t all, old;
	size_t n = 0, wanted = 0;

	for (size_t k = 0; k < c->image->n_layers; k++)
		wanted += c->wanted[k];
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	while (n < COPY_THREADS - 1 && n + 1 < wanted && pthread_create(&threads[n], NULL, copy_main, c) == 0)
		n++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (wanted)
		copy_main(c);
	while (n > 0)
		pthread_join(threads[--n], NULL);
	return atomic_load(&c->failed) ? err_set(e, c->why.kind, "%s", c->why.text) : 0;
}

static int copy_layers(struct copy *c, struct err *e)
{
	CLEANUP_FREE struct image_layer *old = NULL;
	size_t places[IMAGE_LAYERS_MAX];
	struct image *i = c->image;
	bool changed = false;

	old = calloc(i->n_layers ? i->n_layers : 1, sizeof *old);
	if (!old)
		return err_nomem(e);
	memcpy(old, i->layers, i->n_layers * sizeof *old);
	c->source = old;
	if (plan(c, places, e) < 0 || work(c, e) < 0)
		return -1;
	for (size_t n = 0; n < i->n_layers; n++) {
		i->layers[n] = i->layers[places[n]];
		memcpy(i->layers[n].diff_id, old[n].diff_id, DIGEST_SIZE);
		changed |= strcmp(i->layers[n].digest, old[n].digest) != 0;
	}
	return changed ? image_rewrite_manifest(i, e) : 0;
}

int image_copy(struct registry *from, struct image *i, struct registry *to, const char *tag, const struct copy_listener *l,
	       const struct copy_sink *s, struct err *e)
{
	struct copy c = { .from = from, .to = to, .image = i, .listener = l, .sink = s, .lock = PTHREAD_MUTEX_INITIALIZER, .order = PTHREAD_MUTEX_INITIALIZER };
	int rc = copy_layers(&c, e);

	pthread_mutex_destroy(&c.lock);
	pthread_mutex_destroy(&c.order);
	/* The threads' heaps would keep tens of megabytes for the next pull. */
	malloc_trim(0);
	return rc < 0 ? -1 : image_push(to, i, tag, e);
}
