#include "lib/docker/exec_error.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 512

/* Go writes errno texts in lower case. */
static void errno_text(char *text, size_t size, int error)
{
	snprintf(text, size, "%s", strerror(error));
	text[0] = (char)tolower((unsigned char)text[0]);
}

/* A program without a slash was looked for in PATH. */
static void program_text(char *text, size_t size, int error, const char *path)
{
	char cause[128];

	errno_text(cause, sizeof cause, error);
	if (error == ENOENT && !strchr(path, '/'))
		snprintf(text, size, "exec: \"%.300s\": executable file not found in $PATH", path);
	else if (error == ENOENT || error == ENOTDIR)
		snprintf(text, size, "exec: \"%.200s\": stat %.200s: %s", path, path, cause);
	else
		snprintf(text, size, "exec: \"%.300s\": %s", path, cause);
}

static int exit_code(const char *step, int error)
{
	if (!strcmp(step, "setup"))
		return 128;
	if (error == ENOENT || error == ENOTDIR)
		return 127;
	return error == EACCES || error == EISDIR || error == ENOEXEC || error == EPERM ? 126 : 128;
}

void exec_error(struct exec_error *ret, enum exec_error_of of, const char *step, int error, const char *path, const char *detail)
{
	char cause[TEXT_MAX + 128], errno_words[128];

	errno_text(errno_words, sizeof errno_words, error);
	if (!strcmp(step, "exec"))
		program_text(cause, sizeof cause, error, path);
	else if (!strcmp(step, "chdir"))
		snprintf(cause, sizeof cause, "chdir to cwd (\"%.400s\") set in config.json failed: %s", path, errno_words);
	else
		snprintf(cause, sizeof cause, "%.500s", detail && *detail ? detail : errno_words);
	ret->code = exit_code(step, error);
	/* An exec that never ran always counts as "can't be executed". */
	if (of == EXEC_ERROR_EXEC)
		ret->code = 126;
	ret->status = ret->code == 128 ? 500 : 400;
	snprintf(ret->text, sizeof ret->text, "%sunable to start container process: %s: unknown",
		 of == EXEC_ERROR_START ? "failed to create task for container: failed to create shim task: OCI runtime create failed: "
					  "runc create failed: "
					: "OCI runtime exec failed: exec failed: ",
		 cause);
}
