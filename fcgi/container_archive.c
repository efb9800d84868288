/*
 * HEAD, GET and PUT /containers/{id}/archive: `docker cp`. Of a container
 * that runs the agent in the function looks, packs and unpacks; of one that
 * doesn't, the layers of its image and its own are read here, and what is
 * copied in waits for the next start (container_stage.c). PUT comes here twice
 * at most: first without its body, and the answer says where nginx sends it,
 * errors included; then with it, if it is for a worker.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/container.h"
#include "fcgi/container_files.h"
#include "fcgi/container_stage.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/docker/path_stat.h"

static int check(struct request *req, struct container *c, struct err *e)
{
	if (!*request_query(req, "path", ""))
		return err_set(e, ERR_INVALID, "bad parameter: pathcannot be empty");
	return container_find(req, req->name, c, e);
}

/* What the client names: looked up as the agent does it (agent-gateway/agent/archive.c). */
struct looked_up {
	const char *path;
	char name[NAME_MAX + 2];
	char stat[PATH_STAT_MAX];
	const struct rootfs_node *node;
};

static int look_up(struct request *req, const struct rootfs *fs, struct looked_up *ret, struct err *e)
{
	BUF_CLEANUP struct buf target = BUF_INIT, joined = BUF_INIT;
	char clean[PATH_MAX];
	struct rootfs_stat st;
	struct path_stat s;
	bool follow;

	ret->path = request_query(req, "path", "");
	if (!path_clean(clean, sizeof clean, ret->path))
		return err_set(e, ERR_INTERNAL, "lstat %s: file name too long", ret->path);
	snprintf(ret->name, sizeof ret->name, "%s", path_stat_name(ret->path, clean, &follow));
	if (rootfs_find(fs, clean, follow, &ret->node, e) < 0 || (follow && !rootfs_is_dir(ret->node)))
		return err_set(e, ERR_NOT_FOUND, "Could not find the file %s in container %s", ret->path, req->name);
	rootfs_stat(ret->node, &st);
	if (S_ISLNK(st.mode)) {
		/* Where it leads, whether anything is there or not. */
		buf_printf(&joined, "%.*s/%s", *st.link == '/' ? 0 : (int)(strrchr(clean, '/') - clean), clean, st.link);
		if (joined.failed || rootfs_resolve(fs, joined.data, &target, e) < 0)
			buf_reset(&target);
	}
	s = (struct path_stat){ .name = ret->name, .size = S_ISDIR(st.mode) ? 4096 : S_ISLNK(st.mode) ? (int64_t)strlen(st.link) : st.size,
				.mode = st.mode, .mtime = st.mtime * 1000000000, .target = target.data ? target.data : "" };
	if (!path_stat_encode(&s, ret->stat))
		return err_set(e, ERR_INTERNAL, "%s can't be described", ret->path);
	return 0;
}

static int write_tar(void *arg, const void *data, size_t len, struct err *e)
{
	return reply_stream_write(arg, data, len) ? 0 : err_set(e, ERR_INVALID, "the client has left");
}

static int answer(struct request *req, const struct container *c, bool tar, struct err *e)
{
	CONTAINER_FILES_CLEANUP struct container_files f = CONTAINER_FILES_INIT;
	struct looked_up l;

	if (container_files_open(req, c, true, &f, e) < 0 || look_up(req, f.fs, &l, e) < 0)
		return -1;
	reply_header(req, "X-Docker-Container-Path-Stat", l.stat);
	if (!tar)
		return reply_empty(req, 200);
	if (reply_stream_begin(req, 200, "application/x-tar") < 0)
		return -1;
	/* A tar that breaks off has no end, which the client sees. */
	return rootfs_tar(f.fs, l.node, strcmp(l.name, "/") ? l.name : "", write_tar, req, e);
}

static int get(struct request *req, bool tar, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };

	if (check(req, &c, e) < 0)
		return -1;
	if (!container_runs(&c))
		return answer(req, &c, tar, e) < 0 || (tar && container_event_commit(req, &c, "archive-path", NULL, e) < 0) ? -1 : 0;
	return container_handover(req, "/.gateway/http/task/", c.id, "task", tar ? "get" : "stat", "name", req->name, "path",
				  request_query(req, "path", ""));
}

int route_container_archive_head(struct request *req, struct err *e)
{
	return get(req, false, e);
}

int route_container_archive_get(struct request *req, struct err *e)
{
	return get(req, true, e);
}

/* The upload's body went to nobody yet. */
static int direct(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };
	char path[256], status[16];

	if (check(req, &c, e) < 0) {
		snprintf(status, sizeof status, "%d", err_status(e->kind));
		return reply_upload(req, "/.gateway/http/fail/0", "api", req->api, "status", status, "message", e->text, NULL);
	}
	if (!container_runs(&c))
		return reply_upload_here(req);
	snprintf(path, sizeof path, "/.gateway/http/task/%s", c.id);
	return reply_upload(req, path, "api", req->api, "task", "put", "name", req->name, "path", request_query(req, "path", ""),
			    "no_overwrite", request_flag(req, "noOverwriteDirNonDir", false) ? "1" : "0", NULL);
}

int route_container_archive_put(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };

	if (!request_param(req, "SOCKERLESS_UPLOAD"))
		return direct(req, e);
	if (check(req, &c, e) < 0 || container_stage(req, &c, e) < 0) {
		/* nginx passes no answer on before it has got rid of the body. */
		request_drain(req);
		return -1;
	}
	return container_event_commit(req, &c, "extract-to-dir", NULL, e) < 0 ? -1 : reply_empty(req, 200);
}
