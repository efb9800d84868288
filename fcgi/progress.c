#include "fcgi/progress.h"

#include <stdio.h>
#include <string.h>

#include "fcgi/reply.h"
#include "lib/json.h"

/* "[=====>     ]  1.2MB/2.4MB", as dockerd draws it for clients that don't draw themselves. */
static void draw_bar(char *ret, size_t size, int64_t current, int64_t total)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	char amounts[2][32];
	double values[2] = { (double)current, (double)total };
	int filled = total > 0 ? (int)(current * 100 / total) / 2 : 0;
	char bar[52] = "";

	for (int i = 0; i < 2; i++) {
		int u = 0;

		while (values[i] >= 1000 && u < 4) {
			values[i] /= 1000;
			u++;
		}
		snprintf(amounts[i], sizeof amounts[i], "%.4g%s", values[i], units[u]);
	}
	if (filled > 50)
		filled = 50;
	memset(bar, '=', (size_t)filled);
	snprintf(ret, size, "[%s>%*s] %8s/%s", bar, 50 - filled, "", amounts[0], amounts[1]);
}

int progress_line(struct request *req, const char *status, int64_t current, int64_t total, const char *id, struct err *e)
{
	CLEANUP_JSON struct json_object *line = json_object_new_object();
	struct json_object *detail = json_object_new_object();
	char bar[160];

	if (!line || !detail || !json_add_str(line, "status", status) || !json_add(line, "progressDetail", detail))
		return err_nomem(e);
	if (total > 0) {
		draw_bar(bar, sizeof bar, current, total);
		if (!json_add_int(detail, "current", current) || !json_add_int(detail, "total", total) || !json_add_str(line, "progress", bar))
			return err_nomem(e);
	}
	if (!json_add_str(line, "id", id))
		return err_nomem(e);
	return reply_stream_json(req, line) ? 0 : err_set(e, ERR_INVALID, "the client left");
}

bool progress_text(struct request *req, const char *text)
{
	CLEANUP_JSON struct json_object *line = json_object_new_object();

	return line && json_add_str(line, "stream", text) && reply_stream_json(req, line);
}
