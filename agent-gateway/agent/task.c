#include "agent-gateway/agent/task.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static const struct {
	const char *name;
	int (*run)(struct json_object *open);
} tasks[] = {
	{ "top", task_top },
	{ "stats", task_stats },
	{ "stat", task_stat },
	{ "get", task_get },
	{ "put", task_put },
};

static const struct {
	const char *name;
	int (*run)(struct json_object *open, const struct layer *layer);
} layer_tasks[] = {
	{ "changes", task_changes },
	{ "save", task_save },
	{ "layer", task_save }, /* of a container that runs */
	{ "restore", task_restore },
};

int task_write(const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t n = write(STDOUT_FILENO, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int task_head(int status, struct json_object *head)
{
	const char *text;

	if (!head || !json_add_int(head, "status", status))
		return -1;
	text = json_text(head);
	return task_write(text, strlen(text)) < 0 || task_write("\n", 1) < 0 ? -1 : 0;
}

int task_fail(int status, const char *fmt, ...)
{
	CLEANUP_JSON struct json_object *head = json_object_new_object();
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (!head || !json_add_str(head, "message", text) || task_head(status, head) < 0)
		return 1;
	return 0;
}

_Noreturn void task_main(struct json_object *open, const struct layer *layer)
{
	const char *name = json_str(open, "task", "");

	prctl(PR_SET_NAME, TASK_COMM);
	for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
		if (!strcmp(tasks[i].name, name))
			_exit(tasks[i].run(open));
	for (size_t i = 0; i < sizeof layer_tasks / sizeof *layer_tasks; i++)
		if (!strcmp(layer_tasks[i].name, name))
			_exit(layer_tasks[i].run(open, layer));
	_exit(task_fail(501, "%.100s is not supported by this agent", name));
}
