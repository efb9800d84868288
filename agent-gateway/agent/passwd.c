#include "agent-gateway/agent/passwd.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"

/* Splits in place at ':'; returns the number of fields. */
static int split(char *line, char *fields[7])
{
	int n = 0;

	line[strcspn(line, "\n")] = '\0';
	for (char *at = line; at && n < 7; n++) {
		fields[n] = at;
		at = strchr(at, ':');
		if (at)
			*at++ = '\0';
	}
	return n;
}

void passwd_home(const char *user, char *home, size_t size)
{
	CLEANUP_FCLOSE FILE *f = fopen("/etc/passwd", "re");
	char name[256], line[4096], *fields[7];

	snprintf(home, size, "/");
	snprintf(name, sizeof name, "%.*s", (int)strcspn(user, ":"), user);
	if (!name[0])
		strcpy(name, "root");
	while (f && fgets(line, sizeof line, f)) {
		if (split(line, fields) < 6 || (strcmp(fields[0], name) && strcmp(fields[2], name)))
			continue;
		if (fields[5][0])
			snprintf(home, size, "%s", fields[5]);
		return;
	}
}

void passwd_name(uid_t uid, char *name, size_t size)
{
	CLEANUP_FCLOSE FILE *f = fopen("/etc/passwd", "re");
	char number[16], line[4096], *fields[7];

	snprintf(number, sizeof number, "%u", (unsigned int)uid);
	snprintf(name, size, "%s", number);
	while (f && fgets(line, sizeof line, f)) {
		if (split(line, fields) < 3 || strcmp(fields[2], number))
			continue;
		snprintf(name, size, "%s", fields[0]);
		return;
	}
}
