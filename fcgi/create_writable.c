#include "fcgi/create_writable.h"

#include <stdlib.h>
#include <string.h>

#include "lib/json.h"

void create_writable_free(struct create_writable *w)
{
	free(w->text);
}

static int add(struct create_writable *w, const char *path, unsigned int flags, struct err *e)
{
	if (w->wish.n_dirs == DERIVE_DIRS_MAX)
		return err_set(e, ERR_INVALID, "more than %d writable directories and mounts are not supported", DERIVE_DIRS_MAX);
	w->dirs[w->wish.n_dirs++] = (struct derive_dir){ path, flags };
	return 0;
}

/* HOME as the container's environment says it, else what the image's passwd says. */
static const char *home_of(const struct create *c)
{
	struct json_object *env = json_array(c->config, "Env");

	for (size_t i = 0; env && i < json_object_array_length(env); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(env, i));

		if (text && !strncmp(text, "HOME=/", 6))
			return text + 5;
	}
	return DERIVE_HOME;
}

static int add_listed(struct create_writable *w, const struct create *c, const char *item, unsigned int flags, struct err *e)
{
	const char *dir = json_str(c->config, "WorkingDir", "");

	if (!strcmp(item, "home"))
		return add(w, home_of(c), flags | DERIVE_CAREFUL, e);
	if (!strcmp(item, "workdir"))
		return *dir == '/' ? add(w, dir, flags | DERIVE_CAREFUL, e) : 0;
	if (*item == '/')
		return add(w, item, flags, e);
	return err_set(e, ERR_INVALID, "invalid list of writable directories (%s): \"%.200s\" is neither an absolute path nor home or workdir",
		       CREATE_LABEL_WRITABLE, item);
}

static int add_list(struct create_writable *w, const struct create *c, const char *list, unsigned int flags, struct err *e)
{
	char *save = NULL;

	w->text = strdup(list);
	if (!w->text)
		return err_nomem(e);
	for (char *item = strtok_r(w->text, ", ", &save); item; item = strtok_r(NULL, ", ", &save))
		if (add_listed(w, c, item, flags, e) < 0)
			return -1;
	return 0;
}

/* Mount points of volumes with what the image holds there, unless they are not to have it; tmpfs without. */
static int add_mounts(struct create_writable *w, const struct create *c, struct err *e)
{
	struct json_object *tmpfs = json_obj(c->host_config, "Tmpfs"), *mounts = json_array(c->host_config, "Mounts");

	for (size_t i = 0; i < json_object_array_length(c->mounts); i++) {
		struct json_object *m = json_object_array_get_idx(c->mounts, i);
		unsigned int empty = strstr(json_str(m, "Mode", ""), "nocopy") ? DERIVE_EMPTY : 0;

		if (add(w, json_str(m, "Destination", "/"), DERIVE_ASKED | empty, e) < 0)
			return -1;
	}
	for (size_t i = 0; mounts && i < json_object_array_length(mounts); i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i);

		if ((!strcmp(json_str(m, "Type", ""), "tmpfs") || json_flag(json_obj(m, "VolumeOptions"), "NoCopy", false)) &&
		    add(w, json_str(m, "Target", "/"), DERIVE_ASKED | DERIVE_EMPTY, e) < 0)
			return -1;
	}
	if (!tmpfs)
		return 0;
	json_object_object_foreach(tmpfs, path, options) {
		(void)options;
		if (*path == '/' && add(w, path, DERIVE_ASKED | DERIVE_EMPTY, e) < 0)
			return -1;
	}
	return 0;
}

/* The whole root as a copy that can be written, or the image's own with some directories that can be. */
static int choose_root(struct create_writable *w, const char *root, const char *fake_root_dir, struct err *e)
{
	if (!strcmp(root, "image"))
		return 0;
	if (strcmp(root, "fake"))
		return err_set(e, ERR_INVALID, "invalid root file system (%s): \"%.200s\" is neither image nor fake", CREATE_LABEL_ROOT, root);
	if (!derive_has_fake_root(fake_root_dir))
		return err_set(e, ERR_INVALID, "%s=fake is not supported here: sockerless was built without proot (SOCKERLESS_FAKE_ROOT_PATH)", CREATE_LABEL_ROOT);
	w->wish.fake_root = fake_root_dir;
	return 0;
}

int create_writable(const struct create *c, const struct settings *s, struct create_writable *ret, struct err *e)
{
	struct json_object *labels = json_obj(c->config, "Labels");
	const char *label = json_str(labels, CREATE_LABEL_WRITABLE, NULL);
	/* With --read-only only mounts are writable, and what was named for this very container. */
	const char *usual = json_flag(c->host_config, "ReadonlyRootfs", false) ? "" : s->writable;

	*ret = (struct create_writable){
		.wish = {
			.state_dir = s->state_dir,
			.user = json_str(c->config, "User", ""),
			.dirs = ret->dirs,
			.keep_root_only = !strcmp(json_str(labels, CREATE_LABEL_ROOT_ONLY, ""), "keep"),
		},
	};
	if (choose_root(ret, json_str(labels, CREATE_LABEL_ROOT, s->root), s->fake_root_path, e) < 0)
		return -1;
	if (add_list(ret, c, label ? label : usual, label ? DERIVE_ASKED : 0, e) < 0)
		return -1;
	return add_mounts(ret, c, e);
}
