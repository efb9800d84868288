#include <string.h>

#include "lib/registry/derive_plan.h"

#define PASSWD_MAX (1u << 20)
#define FIELDS 7

/* The line's fields up to the home directory; false: it has fewer. */
static bool split(char *line, char *fields[FIELDS])
{
	size_t n = 0;

	for (char *at = line; at && n < FIELDS; n++) {
		fields[n] = at;
		at = strchr(at, ':');
		if (at)
			*at++ = '\0';
	}
	return n >= 6;
}

static bool is_root(const char *user, size_t len)
{
	return len == 0 || (len == 1 && *user == '0') || (len == 4 && !memcmp(user, "root", 4));
}

int derive_home(const struct rootfs *fs, const char *user, struct buf *ret, struct err *e)
{
	BUF_CLEANUP struct buf text = BUF_INIT;
	const struct rootfs_node *n;
	size_t len = strcspn(user, ":");
	char *fields[FIELDS], *save = NULL;

	/* What it is nearly always: no blob is read for it. */
	if (is_root(user, len) && rootfs_find(fs, "/root", true, &n, e) == 0 && rootfs_is_dir(n)) {
		buf_puts(ret, "/root");
		return 0;
	}
	if (rootfs_find(fs, "/etc/passwd", true, &n, e) < 0 || rootfs_is_dir(n))
		return 0;
	if (rootfs_read(fs, n, PASSWD_MAX, &text, e) < 0)
		return -1;
	if (!len) {
		user = "root";
		len = 4;
	}
	for (char *line = text.data ? strtok_r(text.data, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
		if (!split(line, fields) || *fields[5] != '/' ||
		    ((strlen(fields[0]) != len || memcmp(fields[0], user, len) != 0) && (strlen(fields[2]) != len || memcmp(fields[2], user, len) != 0)))
			continue;
		buf_puts(ret, fields[5]);
		break;
	}
	return ret->failed ? err_nomem(e) : 0;
}
