/* POST /images/{ref}/tag?repo=&tag=: gives an image one more name; 201. A name that another image had goes over to this one. */
#include <stdlib.h>
#include <string.h>

#include "fcgi/image_store.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/cleanup.h"

static int read_target(struct request *req, struct reference *ret, struct err *e)
{
	const char *repo = request_query(req, "repo", ""), *tag = request_query(req, "tag", "");

	if (reference_parse(repo, ret, e) < 0)
		return -1;
	if (ret->digest)
		return err_set(e, ERR_INVALID, "refusing to create a tag with a digest reference");
	if (strcmp(ret->path, "library/sha256") == 0 && strcmp(ret->domain, "docker.io") == 0)
		return err_set(e, ERR_INVALID, "refusing to create an ambiguous tag using digest algorithm as name");
	if (*tag && !reference_tag_valid(tag))
		return err_set(e, ERR_INVALID, "invalid tag format");
	if (*tag) {
		free(ret->tag);
		ret->tag = strdup(tag);
		if (!ret->tag)
			return err_nomem(e);
	}
	return reference_default_tag(ret, e);
}

static int set(struct request *req, const struct reference *target, struct err *e)
{
	IMAGE_ROW_CLEANUP struct image_row image = { .config = NULL };
	CLEANUP_FREE char *full = reference_full(target);
	CLEANUP_FREE char *shown = reference_familiar(target);

	if (!full || !shown)
		return err_nomem(e);
	if (image_find(req->store, req->tenant, req->name, &image, e) < 0)
		return -1;
	if (store_run(req->store, QUERY_IMAGE_REFERENCE_SET, e, "ttt", req->tenant, full, image.id) < 0)
		return -1;
	return image_tag_event(req->store, req->tenant, full, shown, image.id, image.config, e);
}

int route_image_tag(struct request *req, struct err *e)
{
	REFERENCE_CLEANUP struct reference target = { .domain = NULL };

	if (read_target(req, &target, e) < 0 || store_begin(req->store, e) < 0)
		return -1;
	if (set(req, &target, e) < 0) {
		store_rollback(req->store);
		return -1;
	}
	return store_commit(req->store, e) < 0 ? -1 : reply_empty(req, 201);
}
