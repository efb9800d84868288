#include <curl/curl.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/client.h"
#include "lib/registry/transport.h"

#define REPLY_MAX (4u << 20)

int registry_search(struct registry *r, const char *term, int limit, struct json_object **ret, struct err *e)
{
	REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };
	CLEANUP_JSON struct json_object *o = NULL;
	BUF_CLEANUP struct buf path = BUF_INIT;
	struct registry_request q = { .method = "GET", .limit = REPLY_MAX };
	char *escaped = curl_easy_escape(NULL, term, 0);
	struct err why = { 0 };

	buf_printf(&path, "/v1/search?q=%s&n=%d", escaped ? escaped : "", limit);
	if (!escaped || path.failed)
		return err_nomem(e);
	curl_free(escaped);
	q.url = path.data;
	/* An index needs no /v2/; what demands an account says so. */
	r->probed = true;
	if (registry_send(r, &q, &reply, e) < 0)
		return -1;
	if (reply.status == 404 || reply.status == 405 || reply.status == 501)
		return err_set(e, ERR_NOT_SUPPORTED, "searching %s is not supported: this registry has no search (/v1/search)", r->host);
	if (reply.status != 200)
		return err_set(e, ERR_INTERNAL, "Unexpected status code %d", reply.status);
	if (json_parse(reply.body.data ? reply.body.data : "", reply.body.len, &o, &why) < 0 || !json_array(o, "results"))
		return err_set(e, ERR_UPSTREAM, "%s answers a search with what is no list of images", r->host);
	*ret = json_object_get(json_array(o, "results"));
	return 0;
}
