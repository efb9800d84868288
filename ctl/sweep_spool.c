/* Directories of containers' output. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/sweep.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/ids.h"
#include "lib/log.h"

#define YOUNG (6 * 3600) /* seconds for which a directory without a row is left alone: a slow client may still read it */

static bool is_id(const char *name)
{
	return strlen(name) == ID_HEX_LEN && hex_is(name, ID_HEX_LEN);
}

static void cleanup_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* A spool is flat: files only. */
static int empty_directory(const char *path, struct err *e)
{
	__attribute__((cleanup(cleanup_dir))) DIR *d = opendir(path);
	struct dirent *entry;

	if (!d)
		return errno == ENOENT ? 0 : err_errno(e, errno, "%s", path);
	while ((entry = readdir(d))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(d), entry->d_name, 0) < 0 && errno != ENOENT)
			return err_errno(e, errno, "%s/%s", path, entry->d_name);
	}
	return 0;
}

int spool_remove(const char *state_dir, const char *id, struct err *e)
{
	BUF_CLEANUP struct buf path = BUF_INIT;

	if (!is_id(id))
		return err_set(e, ERR_INTERNAL, "\"%s\" is no container id", id);
	buf_printf(&path, "%s/spool/%s", state_dir, id);
	if (path.failed)
		return err_nomem(e);
	if (empty_directory(path.data, e) < 0)
		return -1;
	if (rmdir(path.data) < 0 && errno != ENOENT)
		return err_errno(e, errno, "%s", path.data);
	return 0;
}

static bool is_old(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) && time_now() / 1000000000 - st.st_mtime > YOUNG;
}

int sweep_spool(struct sweep *s, struct err *e)
{
	BUF_CLEANUP struct buf path = BUF_INIT;
	__attribute__((cleanup(cleanup_dir))) DIR *d = NULL;
	struct dirent *entry;
	int removed = 0;

	buf_printf(&path, "%s/spool", s->settings->state_dir);
	if (path.failed)
		return err_nomem(e);
	d = opendir(path.data);
	if (!d)
		return errno == ENOENT ? 0 : err_errno(e, errno, "%s", path.data);
	while ((entry = readdir(d))) {
		int found;

		if (!is_id(entry->d_name) || !is_old(dirfd(d), entry->d_name))
			continue;
		found = store_row(s->store, QUERY_CONTAINER_STATE, e, "t", entry->d_name);
		store_reset(s->store, QUERY_CONTAINER_STATE);
		if (found < 0 || (found == 0 && spool_remove(s->settings->state_dir, entry->d_name, e) < 0))
			return -1;
		if (found == 0)
			log_info("output of container %.12s, which is gone, is deleted", entry->d_name);
		removed += found == 0;
	}
	return removed;
}
