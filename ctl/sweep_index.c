/* Indexes of layers that nobody has looked into for long; one that is wanted again is made again. What pulls left that nobody has gone on with. */
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
#define BROKEN_OFF 86400  /* of a pull */
#define NAME_LEN 64

/* Seconds for which a file of `index` stays; 0: not ours. */
static int64_t index_age(const char *name)
{
	if (strlen(name) < NAME_LEN || strspn(name, "0123456789abcdef") < NAME_LEN)
		return 0;
	return strlen(name) == NAME_LEN ? UNUSED : TORN;
}

/* <tenant>.<hex of a digest> */
static int64_t partial_age(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && strlen(dot + 1) == NAME_LEN ? BROKEN_OFF : 0;
}

static bool is_past(int dir, const char *name, int64_t age)
{
	struct stat st;

	return age && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && time_now() / 1000000000 - st.st_mtime > age;
}

static int sweep_directory(struct sweep *s, const char *name, int64_t (*age)(const char *name), struct err *e)
{
	BUF_CLEANUP struct buf path = BUF_INIT;
	struct dirent *entry;
	int removed = 0;
	DIR *d;

	buf_printf(&path, "%s/%s", s->settings->state_dir, name);
	if (path.failed)
		return err_nomem(e);
	d = opendir(path.data);
	if (!d)
		return errno == ENOENT ? 0 : err_errno(e, errno, "%s", path.data);
	while (removed >= 0 && (entry = readdir(d))) {
		if (!is_past(dirfd(d), entry->d_name, age(entry->d_name)))
			continue;
		if (unlinkat(dirfd(d), entry->d_name, 0) < 0 && errno != ENOENT)
			removed = err_errno(e, errno, "%s/%s", path.data, entry->d_name);
		else
			removed++;
	}
	closedir(d);
	return removed;
}

int sweep_index(struct sweep *s, struct err *e)
{
	int indexes = sweep_directory(s, "index", index_age, e);
	int partials = indexes < 0 ? -1 : sweep_directory(s, "partial", partial_age, e);

	return partials < 0 ? -1 : indexes + partials;
}
