#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/build.h"
#include "lib/cleanup.h"
#include "lib/ids.h"
#include "lib/log.h"

static const char *const programs[] = { "/usr/bin/buildah", "/usr/bin/newuidmap", "/usr/bin/slirp4netns" };
static const char *const parts[] = { "", "/context", "/base", "/out", "/out/blobs", "/out/blobs/sha256", "/root", "/run", "/tmp" };

int build_possible(const struct request *req, struct err *e)
{
	if (strcmp(req->settings->build, "on") != 0)
		return err_set(e, ERR_NOT_SUPPORTED, "docker build is not supported here: the operator turned it off (SOCKERLESS_BUILD)");
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
		if (access(programs[i], X_OK) < 0)
			return err_set(e, ERR_NOT_SUPPORTED, "docker build is not supported here: %s is not installed", programs[i]);
	return 0;
}

static int make_directory(const char *path, struct err *e)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST ? err_errno(e, errno, "making %s", path) : 0;
}

static int name_places(struct build *b, char **ret_tenant, struct err *e)
{
	const char *state = b->req->settings->state_dir;
	CLEANUP_FREE char *all = NULL;

	if (asprintf(&all, "%s/build", state) < 0 || asprintf(ret_tenant, "%s/%s", all, b->req->tenant) < 0 ||
	    asprintf(&b->storage, "%s/storage", *ret_tenant) < 0)
		return err_nomem(e);
	return make_directory(all, e) < 0 || make_directory(*ret_tenant, e) < 0 || make_directory(b->storage, e) < 0 ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *level)
{
	(void)type;
	(void)level;
	return (S_ISDIR(st->st_mode) ? rmdir(path) : unlink(path)) < 0 && errno != ENOENT ? -1 : 0;
}

/* buildah makes directories that nobody may look into. */
static int open_up(const char *path, const struct stat *st, int type, struct FTW *level)
{
	(void)st;
	(void)level;
	if (type != FTW_DNR)
		return 0;
	return chmod(path, 0700) < 0 ? -1 : 1;
}

static int remove_tree(const char *path)
{
	while (nftw(path, open_up, 32, FTW_PHYS | FTW_MOUNT) > 0)
		;
	return nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 && errno != ENOENT ? -1 : 0;
}

/* What workers that died left; nobody else is here now. */
static void sweep(const char *tenant)
{
	DIR *d = opendir(tenant);

	for (struct dirent *entry; d && (entry = readdir(d));) {
		CLEANUP_FREE char *path = NULL;

		if (strlen(entry->d_name) != 32 || !hex_is(entry->d_name, 32) || asprintf(&path, "%s/%s", tenant, entry->d_name) < 0)
			continue;
		if (remove_tree(path) < 0)
			log_warn("removing %s: %s", path, strerror(errno));
	}
	if (d)
		closedir(d);
}

/* A build that was ended leaves its container in buildah's storage. */
static bool has_containers(const struct build *b)
{
	static const char *const lists[] = { "overlay-containers", "vfs-containers" };
	struct stat st;

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		CLEANUP_FREE char *path = NULL;

		/* "[]" is none */
		if (asprintf(&path, "%s/%s/containers.json", b->storage, lists[i]) >= 0 && stat(path, &st) == 0 && st.st_size > 4)
			return true;
	}
	return false;
}

static int take_lock(struct build *b, const char *tenant, struct err *e)
{
	CLEANUP_FREE char *path = NULL;

	if (asprintf(&path, "%s/lock", tenant) < 0)
		return err_nomem(e);
	b->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (b->lock < 0)
		return err_errno(e, errno, "locking the build cache");
	if (flock(b->lock, LOCK_EX | LOCK_NB) == 0) {
		sweep(tenant);
		b->remove_containers = has_containers(b);
	}
	return flock(b->lock, LOCK_SH) < 0 ? err_errno(e, errno, "locking the build cache") : 0;
}

static int make_parts(struct build *b, struct err *e)
{
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		CLEANUP_FREE char *path = NULL;

		if (asprintf(&path, "%s%s", b->dir, parts[i]) < 0)
			return err_nomem(e);
		if (make_directory(path, e) < 0)
			return -1;
	}
	return 0;
}

int build_place(struct build *b, struct err *e)
{
	CLEANUP_FREE char *tenant = NULL;
	CLEANUP_FREE char *ids = NULL;

	id_random(b->id, ID_HEX_LEN / 2);
	if (name_places(b, &tenant, e) < 0 || take_lock(b, tenant, e) < 0)
		return -1;
	if (asprintf(&b->dir, "%s/%.32s", tenant, b->id) < 0 || asprintf(&ids, "%s/ids", tenant) < 0)
		return err_nomem(e);
	if (make_directory(ids, e) < 0 || make_parts(b, e) < 0)
		return -1;
	b->images = json_object_new_object();
	b->ours = json_object_new_object();
	b->layers = json_object_new_object();
	return b->images && b->ours && b->layers ? 0 : err_nomem(e);
}

int build_mark_used(const struct build *b, struct err *e)
{
	return futimens(b->lock, NULL) < 0 ? err_errno(e, errno, "marking the build cache as used") : 0;
}

void build_clear(struct build *b)
{
	static const char *const argv[] = { "/bin/sh", "-c", "rm -rf /build/run/* /build/tmp/* /build/out/* /build/context/*", NULL };
	struct err e = { 0 };

	if (!b->dir || remove_tree(b->dir) == 0)
		return;
	/* Files of users that only the sandbox knows. */
	if (make_parts(b, &e) < 0 || build_sandbox(b, argv, NULL, &e) < 0 || remove_tree(b->dir) < 0)
		log_warn("removing %s: %s", b->dir, e.kind ? e.text : strerror(errno));
}

static int storage_size(struct build *b, int64_t *ret, struct err *e)
{
	static const char *const argv[] = { "/bin/true", NULL };

	/* Where nothing was built there is nothing to measure: the empty directory goes, and is made again. */
	if (rmdir(b->storage) == 0) {
		*ret = 0;
		return make_directory(b->storage, e);
	}

	if (build_sandbox(b, argv, NULL, e) != 0)
		return e->kind ? -1 : err_set(e, ERR_INTERNAL, "measuring the build cache failed");
	*ret = b->used;
	return 0;
}

int build_drop_cache(struct build *b, int64_t above, int64_t *ret_bytes, struct err *e)
{
	static const char *const argv[] = { "/bin/sh", "-c", "rm -rf /storage/* /storage/.try", NULL };
	CLEANUP_FREE char *ids = NULL;
	int64_t before = b->used;

	if (before == 0 && storage_size(b, &before, e) < 0)
		return -1;
	if (before <= above)
		return 0;
	if (flock(b->lock, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 0 : err_errno(e, errno, "locking the build cache");
	if (build_sandbox(b, argv, NULL, e) != 0)
		return e->kind ? -1 : err_set(e, ERR_INTERNAL, "removing the build cache failed");
	if (asprintf(&ids, "%s/../ids", b->storage) < 0)
		return err_nomem(e);
	/* They lead nowhere now; the next build makes the directory again. */
	if (remove_tree(ids) < 0)
		return err_errno(e, errno, "%s", ids);
	*ret_bytes = before - b->used;
	return 1;
}
