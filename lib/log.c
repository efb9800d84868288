#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const level_names[] = { "error", "warn", "info", "debug" };
static const char *log_program = "sockerless";
static enum log_level log_limit = LOG_LEVEL_INFO;

void log_init(const char *program)
{
	const char *wanted = getenv("SOCKERLESS_LOG_LEVEL");

	log_program = program;
	for (int i = 0; wanted && i <= LOG_LEVEL_DEBUG; i++)
		if (!strcmp(wanted, level_names[i]))
			log_limit = (enum log_level)i;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char line[4096];
	va_list ap;
	int head, body;

	if (level > log_limit)
		return;
	head = snprintf(line, sizeof line - 1, "%s[%d] %s ", log_program, (int)getpid(), level_names[level]);
	va_start(ap, fmt);
	body = vsnprintf(line + head, sizeof line - 1 - (size_t)head, fmt, ap);
	va_end(ap);
	if (body < 0)
		return;

	size_t len = (size_t)head + (size_t)body;
	if (len > sizeof line - 2)
		len = sizeof line - 2;
	/* What a peer said stands in some lines: it must not forge others. */
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ')
			line[i] = ' ';
	line[len++] = '\n';
	/* One write per line, so that lines of several processes don't mix. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}
