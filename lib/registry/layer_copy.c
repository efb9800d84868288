#include "lib/registry/layer_copy.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/registry/layer.h"
#include "lib/registry/partial.h"
#include "lib/registry/transport.h"
#include "lib/registry/turn.h"
#include "lib/registry/unzstd.h"

#define REPORT_INTERVAL 100 /* ms between two reports of the same layer */
#define MAGIC_LEN 4

/* What becomes of the bytes, by the first of them: media types can't be relied on. */
enum form {
	FORM_NEW, /* too few to know */
	FORM_GZIP,
	FORM_ZSTD,
	FORM_PLAIN,
};

/* A layer while it passes. */
struct passage {
	const struct layer_copy *c;
	const struct image_layer *layer; /* at the source */
	const struct turn *turn;
	char head[MAGIC_LEN];
	size_t head_len;
	enum form form;
	struct registry_upload *upload;  /* of gzip as it comes */
	struct layer_writer *writer;     /* of what is packed here */
	struct unzstd *unzstd;
	void *seen;                      /* the sink's; NULL: none */
	bool refused;                    /* what came out of the encoding couldn't be passed on */
	bool broken;                     /* the bytes are none of their encoding */
	int64_t last;                    /* ms, of the last report */
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int layer_report(const struct layer_copy *c, const char *digest, const char *status, int64_t current, int64_t total, struct err *e)
{
	char id[13];
	struct copy_progress p = { id, status, current, total };
	int rc;

	if (!c->l || !c->l->report)
		return 0;
	snprintf(id, sizeof id, "%.12s", digest + strlen("sha256:"));
	pthread_mutex_lock(c->lock);
	rc = c->l->report(c->l->arg, &p, e);
	pthread_mutex_unlock(c->lock);
	return rc;
}

static int progressed(void *arg, int64_t done, int64_t total, struct err *e)
{
	struct passage *p = arg;
	int64_t now = now_ms();

	if (done != total && now - p->last < REPORT_INTERVAL)
		return 0;
	p->last = now;
	turn_tell(p->turn, done);
	return layer_report(p->c, p->layer->digest, "Downloading", done, total, e);
}

static int retrying(void *arg, int seconds, struct err *e)
{
	struct passage *p = arg;
	char status[48];

	snprintf(status, sizeof status, "Retrying in %d second%s", seconds, seconds == 1 ? "" : "s");
	return layer_report(p->c, p->layer->digest, status, 0, 0, e);
}

static int show_sink(struct passage *p, const void *data, size_t len, struct err *e)
{
	return p->seen ? p->c->sink->write(p->seen, data, len, e) : 0;
}

static int take_tar(void *arg, const void *data, size_t len, struct err *e)
{
	struct passage *p = arg;

	p->refused = show_sink(p, data, len, e) < 0 || layer_write(p->writer, data, len, e) < 0;
	return p->refused ? -1 : 0;
}

static int take_zstd(struct passage *p, const void *data, size_t len, struct err *e)
{
	int rc = unzstd_write(p->unzstd, data, len, e);

	p->broken = rc < 0 && !p->refused;
	return rc;
}

static int begin_form(struct passage *p, struct err *e)
{
	static const unsigned char gzip[] = { 0x1f, 0x8b }, zstd[] = { 0x28, 0xb5, 0x2f, 0xfd };

	p->form = !memcmp(p->head, gzip, sizeof gzip) ? FORM_GZIP : !memcmp(p->head, zstd, sizeof zstd) ? FORM_ZSTD : FORM_PLAIN;
	if (p->c->sink && p->c->sink->begin && p->c->sink->begin(p->c->sink->arg, &p->seen, e) < 0)
		return -1;
	if (p->form == FORM_GZIP)
		return registry_upload_begin(p->c->to, &p->upload, e);
	if (p->form == FORM_ZSTD && unzstd_begin(take_tar, p, &p->unzstd, e) < 0)
		return -1;
	return layer_begin(p->c->to, 0, &p->writer, e);
}

static int pass_on(struct passage *p, const void *data, size_t len, struct err *e)
{
	if (len == 0)
		return 0;
	if (p->form == FORM_ZSTD)
		return take_zstd(p, data, len, e);
	if (p->form == FORM_PLAIN)
		return take_tar(p, data, len, e);
	return show_sink(p, data, len, e) < 0 ? -1 : registry_upload_write(p->upload, data, len, e);
}

static int take(void *arg, const void *data, size_t len, struct err *e)
{
	struct passage *p = arg;
	size_t n;

	if (p->form == FORM_NEW) {
		n = MAGIC_LEN - p->head_len < len ? MAGIC_LEN - p->head_len : len;
		memcpy(p->head + p->head_len, data, n);
		p->head_len += n;
		data = (const char *)data + n;
		len -= n;
		if (p->head_len < MAGIC_LEN)
			return 0;
		if (begin_form(p, e) < 0 || pass_on(p, p->head, MAGIC_LEN, e) < 0)
			return -1;
	}
	return pass_on(p, data, len, e);
}

/* 1: it stands in the target now, without another copy. A registry that doesn't mount (ECR may not) is no error. */
static int mount(const struct layer_copy *c, const char *digest, struct err *e)
{
	CLEANUP_FREE char *repository = NULL;
	int rc;

	if (!c->l || !c->l->elsewhere)
		return 0;
	pthread_mutex_lock(c->lock);
	rc = c->l->elsewhere(c->l->arg, digest, &repository, e);
	pthread_mutex_unlock(c->lock);
	return rc <= 0 ? rc : registry_mount_blob(c->to, digest, repository, NULL) == 1;
}

/* Only here, with all of its bytes read, right and sent, is it asked who else has them: until then everything takes the same time. */
static int finish_gzip(struct passage *p, struct err *e)
{
	int rc = registry_upload_flush(p->upload, e);

	if (rc == 0)
		rc = mount(p->c, p->layer->digest, e);
	/* passage_end() gives the upload up. */
	return rc ? (rc < 0 ? -1 : 0) : registry_upload_commit(STEAL(p->upload), p->layer->digest, NULL, NULL, e);
}

static int finish(struct passage *p, struct image_layer *stored, struct err *e)
{
	struct image_layer made;

	if (p->form == FORM_NEW)
		return err_set(e, ERR_UPSTREAM, "layer %s is no tar", p->layer->digest);
	if (p->form == FORM_GZIP)
		return finish_gzip(p, e);
	if (p->unzstd && unzstd_end(p->unzstd, e) < 0)
		return -1;
	if (layer_commit(STEAL(p->writer), &made, e) < 0)
		return -1;
	if (strcmp(made.diff_id, p->layer->diff_id) != 0)
		return err_set(e, ERR_UPSTREAM, "layer %s is not what its diff id %s says", p->layer->digest, p->layer->diff_id);
	*stored = made;
	return 0;
}

/* Ends what has begun; `stored`: NULL if it came to nothing. */
static int passage_end(struct passage *p, const struct image_layer *stored, struct err *e)
{
	registry_upload_abort(p->upload);
	layer_abort(p->writer);
	unzstd_free(p->unzstd);
	return p->seen ? p->c->sink->end(p->c->sink->arg, p->seen, stored ? stored->digest : NULL, e) : 0;
}

static void take_known(struct image_layer *layer, const struct copy_known *k)
{
	if (!strcmp(layer->digest, k->stored))
		return;
	memcpy(layer->digest, k->stored, DIGEST_SIZE);
	layer->size = k->size;
	snprintf(layer->media_type, sizeof layer->media_type, "%s", MEDIA_LAYER_DOCKER);
}

int layer_known(const struct layer_copy *c, struct image_layer *layer, struct err *e)
{
	struct copy_known k = { .size = layer->size };
	int rc = 1;

	memcpy(k.digest, layer->digest, DIGEST_SIZE);
	memcpy(k.stored, layer->digest, DIGEST_SIZE);
	if (c->l && c->l->known) {
		pthread_mutex_lock(c->lock);
		rc = c->l->known(c->l->arg, &k, e);
		pthread_mutex_unlock(c->lock);
	}
	if (rc > 0)
		rc = registry_blob_exists(c->to, k.stored, NULL, e);
	if (rc > 0)
		take_known(layer, &k);
	return rc;
}

static int keep(const struct layer_copy *c, const char *digest, const struct image_layer *stored, struct err *e)
{
	struct copy_known k = { .size = stored->size };
	int rc;

	if (!c->l || !c->l->keep)
		return 0;
	memcpy(k.digest, digest, DIGEST_SIZE);
	memcpy(k.stored, stored->digest, DIGEST_SIZE);
	pthread_mutex_lock(c->lock);
	rc = c->l->keep(c->l->arg, &k, e);
	pthread_mutex_unlock(c->lock);
	return rc;
}

static int move_once(const struct layer_copy *c, struct image_layer *layer, const struct turn *turn, struct partial *kept, struct err *e)
{
	struct image_layer stored = *layer;
	struct passage p = { .c = c, .layer = layer, .turn = turn };
	struct registry_progress progress = { progressed, &p, retrying };
	int rc = registry_resume_blob(c->from, layer->digest, layer->size, kept, take, &p, &progress, e);

	if (p.broken)
		partial_drop_wrong(kept);
	if (rc == 0)
		rc = layer_report(c, layer->digest, "Verifying Checksum", 0, 0, e);
	if (rc == 0)
		rc = finish(&p, &stored, e);
	if (passage_end(&p, rc == 0 ? &stored : NULL, e) < 0)
		rc = -1;
	if (rc < 0 || keep(c, layer->digest, &stored, e) < 0)
		return -1;
	memcpy(stored.diff_id, layer->diff_id, DIGEST_SIZE);
	*layer = stored;
	partial_drop(kept);
	return 0;
}

static int move(const struct layer_copy *c, struct image_layer *layer, const struct turn *turn, struct err *e)
{
	struct partial kept = PARTIAL_NONE;
	bool resumed;
	int rc;

	if (turn->fd >= 0 && c->l->partials && layer->size > REGISTRY_CHUNK)
		partial_open(c->l->partials, c->l->owner, layer->digest, c->l->partials_max, &kept);
	resumed = kept.had > 0;
	rc = move_once(c, layer, turn, &kept, e);
	/* What an earlier pull left may have been damaged since, by a loss of power for one. */
	if (rc < 0 && resumed && kept.wrong)
		rc = move_once(c, layer, turn, &kept, e);
	partial_close(&kept);
	return rc;
}

/* Until the turn is ours, showing what the other one has done. 1: it has made the layer known, 0: ours now. */
static int wait_turn(const struct layer_copy *c, struct image_layer *layer, struct turn *turn, struct err *e)
{
	int64_t shown = 0, done;
	bool waited = false;
	int rc;

	while ((rc = turn_try(turn, e)) == 0) {
		waited = true;
		done = turn_progress(turn);
		if (done > layer->size)
			done = layer->size;
		if (done > shown && layer_report(c, layer->digest, "Downloading", done, layer->size, e) < 0)
			return -1;
		shown = done;
		if (c->cancelled && c->cancelled(c->cancelled_arg))
			return err_set(e, ERR_INVALID, "context canceled");
		poll(NULL, 0, REPORT_INTERVAL);
	}
	if (rc < 0 || !waited)
		return rc < 0 ? -1 : 0;
	return layer_known(c, layer, e);
}

static int take_turn(const struct layer_copy *c, struct image_layer *layer, struct err *e)
{
	struct turn turn = TURN_NONE;
	BUF_CLEANUP struct buf key = BUF_INIT;
	int rc = 0;

	if (c->l && c->l->turns) {
		buf_printf(&key, "%s %s", c->l->owner, layer->digest);
		if (key.failed)
			return err_nomem(e);
		if (turn_open(c->l->turns, key.data, &turn, e) < 0)
			return -1;
		rc = wait_turn(c, layer, &turn, e);
	}
	if (rc == 0)
		rc = move(c, layer, &turn, e);
	turn_close(&turn);
	return rc < 0 ? -1 : 0;
}

int layer_copy(const struct layer_copy *c, struct image_layer *layer, struct err *e)
{
	char digest[DIGEST_SIZE];

	memcpy(digest, layer->digest, DIGEST_SIZE);
	return take_turn(c, layer, e) < 0 ? -1 : layer_report(c, digest, "Download complete", 0, 0, e);
}
