#include "fcgi/exec.h"

#include <stdio.h>
#include <string.h>

#include "lib/json.h"

#define Q QUERY_EXEC_GET

int exec_find(struct request *req, const char *id, struct exec *ret, struct err *e)
{
	struct store *s = req->store;
	struct exec x = { .config = NULL };
	int rc = store_row(s, Q, e, "tt", req->tenant, id);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "No such exec instance: %s", id);
	if (rc < 0)
		return -1;
	snprintf(x.id, sizeof x.id, "%s", store_text(s, Q, 0));
	snprintf(x.container_id, sizeof x.container_id, "%s", store_text(s, Q, 1));
	snprintf(x.detach_keys, sizeof x.detach_keys, "%s", store_text(s, Q, 4));
	snprintf(x.state, sizeof x.state, "%s", store_text(s, Q, 5));
	x.pid = store_int(s, Q, 6);
	x.ended = !store_is_null(s, Q, 7);
	x.exit_code = store_int(s, Q, 7);
	x.container_state = (enum container_state)state_from_name(store_text(s, Q, 8));
	x.of_this_run = strcmp(store_text(s, Q, 2), store_text(s, Q, 9)) == 0;
	rc = json_parse(store_text(s, Q, 3), strlen(store_text(s, Q, 3)), &x.config, e);
	store_reset(s, Q);
	if (rc < 0)
		return err_set(e, ERR_INTERNAL, "the row of exec %s holds no valid JSON", x.id);
	*ret = x;
	return 0;
}

void exec_free(struct exec *x)
{
	json_object_put(x->config);
	x->config = NULL;
}

void exec_console_size(struct json_object *body, char h[24], char w[24])
{
	struct json_object *size = json_array(body, "ConsoleSize");
	int64_t value[2] = { 0, 0 };

	for (size_t i = 0; size && i < 2 && i < json_object_array_length(size); i++)
		value[i] = json_object_get_int64(json_object_array_get_idx(size, i));
	snprintf(h, 24, "%lld", (long long)(value[0] > 0 && value[0] < 65536 ? value[0] : 0));
	snprintf(w, 24, "%lld", (long long)(value[1] > 0 && value[1] < 65536 ? value[1] : 0));
}
