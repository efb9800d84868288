#include "lib/registry/derive.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/derive_layer.h"
#include "lib/registry/derive_plan.h"
#include "lib/rootfs/rootfs.h"

#define FORMAT "sockerless-derived-2"

static int hash_text(EVP_MD_CTX *d, const char *text, struct err *e)
{
	return digest_update(d, text, strlen(text) + 1, e);
}

static int hash_wish(EVP_MD_CTX *d, const struct derive_wish *w, struct err *e)
{
	char flags[32];

	if (hash_text(d, w->keep_root_only ? "keep" : "widen", e) < 0)
		return -1;
	if (w->fake_root && derive_hash_fake_root(d, w->fake_root, e) < 0)
		return -1;
	for (size_t i = 0; i < w->n_dirs; i++) {
		snprintf(flags, sizeof flags, "%u", w->dirs[i].flags);
		if (hash_text(d, w->dirs[i].path, e) < 0 || hash_text(d, flags, e) < 0)
			return -1;
		if (!strcmp(w->dirs[i].path, DERIVE_HOME) && hash_text(d, w->user, e) < 0)
			return -1;
	}
	return 0;
}

int derive_key(const char *image_id, const struct derive_wish *w, char ret[DERIVE_KEY_SIZE], struct err *e)
{
	EVP_MD_CTX *d = digest_begin(e);
	char digest[DIGEST_SIZE];

	if (!d)
		return -1;
	if (hash_text(d, FORMAT, e) < 0 || hash_text(d, image_id, e) < 0 || hash_wish(d, w, e) < 0 || derive_hash_file(d, w->agent_path, e) < 0) {
		digest_drop(d);
		return -1;
	}
	if (digest_end(d, digest, e) < 0)
		return -1;
	memcpy(ret, digest + strlen("sha256:"), DERIVE_KEY_SIZE);
	return 0;
}

/* The image's files, by the indexes of its layers. */
static int open_files(struct registry *from, const struct image *base, const struct derive_wish *w, struct rootfs **ret, struct err *e)
{
	CLEANUP_FREE struct rootfs_source *sources = calloc(base->n_layers ? base->n_layers : 1, sizeof *sources);

	if (!sources)
		return err_nomem(e);
	for (size_t i = 0; i < base->n_layers; i++)
		sources[i] = (struct rootfs_source){ .registry = from, .blob = &base->layers[i] };
	return rootfs_open(w->state_dir, sources, base->n_layers, ret, e);
}

static int files_layer(struct registry *to, struct registry *from, const struct image *base, const struct derive_wish *w,
		       struct image_layer *ret, struct json_object **ret_notes, struct err *e)
{
	ROOTFS_CLEANUP struct rootfs *fs = NULL;
	DERIVE_PLAN_CLEANUP struct derive_plan plan = { 0 };

	if (open_files(from, base, w, &fs, e) < 0 || derive_plan_make(fs, w, &plan, e) < 0 || derive_files_layer(to, fs, w, &plan, ret, e) < 0)
		return -1;
	*ret_notes = STEAL(plan.notes);
	return 0;
}

static int make_image(struct registry *to, struct registry *from, const struct image *base, const struct derive_wish *w, struct image *ret,
		      struct json_object **ret_notes, struct err *e)
{
	size_t n = base->n_layers;

	ret->layers = calloc(n + DERIVE_LAYERS, sizeof *ret->layers);
	if (!ret->layers)
		return err_nomem(e);
	memcpy(ret->layers, base->layers, n * sizeof *ret->layers);
	if (derive_agent_layer(to, w->agent_path, image_config_architecture(base->config), &ret->layers[n], e) < 0 ||
	    files_layer(to, from, base, w, &ret->layers[n + 1], ret_notes, e) < 0)
		return -1;
	ret->n_layers = n + DERIVE_LAYERS;
	return derive_config(base->config, *ret_notes, &ret->config, e) < 0 ? -1 : image_seal(ret, e);
}

/* 1: the image is there already, 0: it isn't. */
static int find_made(struct registry *to, const char *tag, const char *architecture, struct image *ret, struct json_object **ret_notes, struct err *e)
{
	int there = registry_head_manifest(to, tag, NULL, e);

	if (there <= 0)
		return there;
	if (image_fetch(to, tag, architecture, ret, e) < 0)
		return -1;
	*ret_notes = derive_config_notes(ret->config);
	return *ret_notes ? 1 : err_nomem(e);
}

int derive_image(struct registry *to, struct registry *from, const struct image *base, const struct derive_wish *w, char **ret_uri,
		 struct json_object **ret_warnings, struct err *e)
{
	IMAGE_CLEANUP struct image i = { 0 };
	CLEANUP_JSON struct json_object *notes = NULL;
	BUF_CLEANUP struct buf uri = BUF_INIT;
	char tag[sizeof "sockerless-" + DERIVE_KEY_SIZE], key[DERIVE_KEY_SIZE];
	int there;

	if (base->n_layers + DERIVE_LAYERS > IMAGE_LAYERS_MAX)
		return err_set(e, ERR_NOT_SUPPORTED, "images of more than %d layers are not supported: there is no room for the agent's",
			       IMAGE_LAYERS_MAX - DERIVE_LAYERS);
	if (derive_key(base->id, w, key, e) < 0)
		return -1;
	snprintf(tag, sizeof tag, "sockerless-%s", key);
	there = find_made(to, tag, image_config_architecture(base->config), &i, &notes, e);
	if (there < 0 || (!there && (make_image(to, from, base, w, &i, &notes, e) < 0 || image_push(to, &i, tag, e) < 0)))
		return -1;
	buf_printf(&uri, "%s/%s@%s", registry_host(to), registry_repository(to), i.digest);
	*ret_uri = buf_steal(&uri);
	if (!*ret_uri)
		return err_nomem(e);
	*ret_warnings = STEAL(notes);
	return 0;
}
