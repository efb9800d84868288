#include "lib/cleanup.h"
#include "lib/registry/client.h"
#include "lib/registry/transport.h"

int registry_delete_manifest(struct registry *r, const char *digest, struct err *e)
{
	REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };
	BUF_CLEANUP struct buf path = BUF_INIT;
	struct registry_request q = { .method = "DELETE" };

	if (!digest_valid(digest))
		return err_set(e, ERR_INVALID, "invalid digest");
	buf_printf(&path, "/v2/%s/manifests/%s", r->repository, digest);
	if (path.failed)
		return err_nomem(e);
	q.url = path.data;
	if (registry_send(r, &q, &reply, e) < 0)
		return -1;
	if (reply.status == 404)
		return 0;
	return reply.status == 202 || reply.status == 200 || reply.status == 204 ? 1 : registry_failure(&reply, e);
}
