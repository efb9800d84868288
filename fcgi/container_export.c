/*
 * GET /containers/{id}/export: all files of a container as one tar, which
 * `docker import` takes: its image's, and what it has written itself.
 */
#include "fcgi/container_files.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"

static int write_tar(void *arg, const void *data, size_t len, struct err *e)
{
	return reply_stream_write(arg, data, len) ? 0 : err_set(e, ERR_INVALID, "the client has left");
}

int route_container_export(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };
	CONTAINER_FILES_CLEANUP struct container_files f = CONTAINER_FILES_INIT;
	const struct rootfs_node *root;

	if (container_find(req, req->name, &c, e) < 0 || container_files_open(req, &c, true, &f, e) < 0 ||
	    rootfs_find(f.fs, "/", true, &root, e) < 0 || container_event_commit(req, &c, "export", NULL, e) < 0)
		return -1;
	if (reply_stream_begin(req, 200, "application/octet-stream") < 0)
		return -1;
	/* A tar that breaks off has no end, which the client sees. */
	return rootfs_tar(f.fs, root, "", write_tar, req, e);
}
