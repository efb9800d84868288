/*
 * The images that a Dockerfile names: the tenant's own, else pulled with the
 * client's accounts. buildah takes each from a directory (its transport
 * "dir") and never asks a registry itself: no other image can be reached.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/build.h"
#include "fcgi/image_create.h"
#include "fcgi/image_registry.h"
#include "fcgi/image_store.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/image.h"

#define LIST_MAX (64 << 20) /* bytes of buildah's list */

/* The account for a registry: keyed by its name, Docker Hub's by the address of its first version. */
static struct json_object *account(struct build *b, const struct reference *r)
{
	struct json_object *auths = json_get(b->auths, "auths") ? json_get(b->auths, "auths") : b->auths;

	return json_get(auths, strcmp(r->domain, "docker.io") == 0 ? "https://index.docker.io/v1/" : r->domain);
}

static int find(struct build *b, const char *name, struct image_row *ret, struct err *e)
{
	REFERENCE_CLEANUP struct reference r = { 0 };
	struct request *req = b->req;

	if (!b->pull && image_find(req->store, req->tenant, name, ret, e) == 0)
		return 0;
	if (!b->pull && e->kind != ERR_NOT_FOUND)
		return -1;
	if (reference_parse(name, &r, e) < 0 || image_pull_into(req, name, account(b, &r), e) < 0)
		return -1;
	return image_find(req->store, req->tenant, name, ret, e);
}

static int write_fd(void *arg, const void *data, size_t len, struct err *e)
{
	const char *at = data;

	while (len) {
		ssize_t n = write(*(int *)arg, at, len);

		if (n < 0)
			return err_errno(e, errno, "writing a base image");
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Opens base/<hex>/<name> for writing; -1. */
static int create(struct build *b, const char *hex, const char *name, struct err *e)
{
	CLEANUP_FREE char *path = NULL;
	int fd;

	if (asprintf(&path, "%s/base/%s/%s", b->dir, hex, name) < 0)
		return err_nomem(e);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return fd < 0 ? err_errno(e, errno, "writing a base image") : fd;
}

static int put(struct build *b, const char *hex, const char *name, const void *data, size_t len, struct err *e)
{
	CLEANUP_CLOSE int fd = create(b, hex, name, e);

	return fd < 0 ? -1 : write_fd(&fd, data, len, e);
}

static int export_image(struct build *b, struct registry *from, const struct image *i, const char *hex, struct err *e)
{
	static const char version[] = "Directory Transport Version: 1.1\n";
	CLEANUP_FREE char *path = NULL;

	if (asprintf(&path, "%s/base/%s", b->dir, hex) < 0)
		return err_nomem(e);
	if (mkdir(path, 0700) < 0)
		return err_errno(e, errno, "making %s", path);
	if (put(b, hex, "version", version, strlen(version), e) < 0 || put(b, hex, "manifest.json", i->manifest, i->manifest_len, e) < 0 ||
	    put(b, hex, hex, i->config_text, i->config_len, e) < 0)
		return -1;
	for (size_t n = 0; n < i->n_layers; n++) {
		CLEANUP_CLOSE int fd = create(b, hex, i->layers[n].digest + 7, e);

		if (fd < 0 || registry_get_blob(from, i->layers[n].digest, i->layers[n].size, write_fd, &fd, NULL, e) < 0)
			return -1;
	}
	return 0;
}

/* A RUN may have put anything in the list's place. NULL: no list. */
static FILE *open_list(struct build *b, const char *driver)
{
	CLEANUP_FREE char *path = NULL;
	struct stat st;
	FILE *f;
	int fd;

	if (asprintf(&path, "%s/%s/images.json", b->storage, driver) < 0)
		return NULL;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	f = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= LIST_MAX ? fdopen(fd, "r") : NULL;
	if (!f)
		close(fd);
	return f;
}

/* In buildah's list of the images that it has. */
bool build_stored(struct build *b, const char *hex, char ret[65])
{
	static const char *const drivers[] = { "overlay-images", "vfs-images" };
	char mark[80];
	const char *at;

	snprintf(mark, sizeof mark, "\"id\":\"%.64s", hex);
	for (size_t i = 0; i < 2; i++) {
		CLEANUP_FCLOSE FILE *f = open_list(b, drivers[i]);
		CLEANUP_FREE char *line = NULL;
		size_t cap = 0;

		while (f && getdelim(&line, &cap, '{', f) > 0)
			if ((at = strstr(line, mark)) && strspn(at + 6, "0123456789abcdef") == 64) {
				snprintf(ret, 65, "%.64s", at + 6);
				return true;
			}
	}
	return false;
}

/* The layers that are in our registry already; an empty file of the name keeps buildah from writing them out again. */
static int remember_layers(struct build *b, const struct image *i, struct err *e)
{
	for (size_t n = 0; n < i->n_layers; n++) {
		const struct image_layer *l = &i->layers[n];
		struct json_object *o = json_object_new_object();
		CLEANUP_FREE char *path = NULL;
		int fd;

		if (!o || !json_add_str(o, "digest", l->digest) || !json_add_int(o, "size", l->size) || !json_add_str(o, "type", l->media_type) ||
		    !json_add(b->layers, l->diff_id, o) || asprintf(&path, "%s/out/blobs/sha256/%s", b->dir, l->diff_id + 7) < 0)
			return err_nomem(e);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			return err_errno(e, errno, "writing a base image");
		close(fd);
	}
	return 0;
}

const char *build_own_id(const struct build *b, const char *hex)
{
	return json_str(b->ours, hex, hex);
}

/* One that is in buildah's storage needs no bytes. 1: it is, by the id `stored`. */
static int find_stored(struct build *b, const char *hex, char stored[65], struct err *e)
{
	char linked[65];

	if (build_stored(b, hex, stored))
		return 1;
	if (!build_linked(b, hex, linked) || !build_stored(b, linked, stored))
		return 0;
	return json_add_str(b->ours, stored, hex) ? 1 : err_nomem(e);
}

static int take(struct build *b, const char *name, struct err *e)
{
	IMAGE_ROW_CLEANUP struct image_row row = { 0 };
	REGISTRY_CLEANUP struct registry *from = NULL;
	IMAGE_CLEANUP struct image i = { 0 };
	char stored[65];
	int rc;

	if (json_get(b->images, name))
		return 0;
	if (find(b, name, &row, e) < 0 || (rc = find_stored(b, row.id + 7, stored, e)) < 0)
		return -1;
	if (!json_add_str(b->images, name, rc ? stored : row.id + 7))
		return err_nomem(e);
	if (image_registry_open(b->req, true, &from, e) < 0 ||
	    image_fetch(from, row.manifest_digest, image_config_architecture(row.config), &i, e) < 0 || remember_layers(b, &i, e) < 0)
		return err_prefix(e, "%s", name);
	return rc ? 0 : export_image(b, from, &i, row.id + 7, e);
}

int build_bases(struct build *b, struct err *e)
{
	size_t first = 0;

	/* The steps up to the first FROM are told before its image is looked for, as dockerd does. */
	while (first < b->file.count && strcmp(b->file.steps[first].name, "FROM") != 0)
		first++;
	for (size_t i = 0; i < b->file.count; i++) {
		const struct dockerfile_step *s = &b->file.steps[i];

		if (i <= first)
			build_say_step(b, i + 1, s->text);
		if (s->image && s->from_stage < 0 && strcmp(s->image, "scratch") != 0 && take(b, s->image, e) < 0)
			return -1;
	}
	return 0;
}
