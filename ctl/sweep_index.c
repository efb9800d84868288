/* Indexes of layers that nobody has looked into for long; one that is wanted again is made again. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/sweep.h"
#include "lib/buf.h"
#include "lib/ids.h"

#define UNUSED (30 * 86400) /* seconds */
#define TORN (6 * 3600)     /* of a file that was being written when its writer died */
#define NAME_LEN 64

static bool is_past(int dir, const char *name)
{
	bool whole = strlen(name) == NAME_LEN;
	struct stat st;

	if (strlen(name) < NAME_LEN || strspn(name, "0123456789abcdef") < NAME_LEN)
		return false;
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       time_now() / 1000000000 - st.st_mtime > (whole ? UNUSED : TORN);
}

int sweep_index(struct sweep *s, struct err *e)
{
	BUF_CLEANUP struct buf path = BUF_INIT;
	struct dirent *entry;
	int removed = 0;
	DIR *d;

	buf_printf(&path, "%s/index", s->settings->state_dir);
	if (path.failed)
		return err_nomem(e);
	d = opendir(path.data);
	if (!d)
		return errno == ENOENT ? 0 : err_errno(e, errno, "%s", path.data);
	while (removed >= 0 && (entry = readdir(d))) {
		if (!is_past(dirfd(d), entry->d_name))
			continue;
		if (unlinkat(dirfd(d), entry->d_name, 0) < 0 && errno != ENOENT)
			removed = err_errno(e, errno, "%s/%s", path.data, entry->d_name);
		else
			removed++;
	}
	closedir(d);
	return removed;
}
