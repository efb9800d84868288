/*
 * Volumes of a container on its way. Nothing can be mounted in a Lambda
 * function: they are kept by name and shown, their mount points are writable
 * directories (create_writable.c), and a warning says that they hold nothing.
 */
#include <stdio.h>
#include <string.h>

#include "fcgi/create.h"
#include "fcgi/volume.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/docker/names.h"
#include "lib/ids.h"
#include "lib/json.h"

static int warn(struct create *c, const char *destination, struct err *e)
{
	BUF_CLEANUP struct buf text = BUF_INIT;

	buf_printf(&text, "%s: volumes are not kept yet: what is written there is the container's own, and no other container sees it", destination);
	return text.failed ? err_nomem(e) : create_warn(c, text.data, e);
}

static bool is_taken(const struct create *c, const char *destination)
{
	for (size_t i = 0; i < json_object_array_length(c->mounts); i++)
		if (strcmp(json_str(json_object_array_get_idx(c->mounts, i), "Destination", ""), destination) == 0)
			return true;
	return false;
}

/* "rw", "ro", "z", "nocopy" and so on, with commas between. */
static bool parse_mode(const char *mode, bool *ret_rw)
{
	static const char *const words[] = { "rw", "ro", "z", "Z", "nocopy", "volume-nocopy" };

	*ret_rw = true;
	while (*mode) {
		size_t n = strcspn(mode, ","), i = 0;

		while (i < sizeof words / sizeof *words && (strlen(words[i]) != n || memcmp(words[i], mode, n) != 0))
			i++;
		if (i == sizeof words / sizeof *words)
			return false;
		if (n == 2 && memcmp(mode, "ro", 2) == 0)
			*ret_rw = false;
		mode += n + (mode[n] == ',');
	}
	return true;
}

static int add_mount(struct create *c, const char *name, const char *destination, const char *mode, bool rw, struct err *e)
{
	struct json_object *m = json_object_new_object();
	BUF_CLEANUP struct buf path = BUF_INIT;

	if (!m || json_object_array_add(c->mounts, m) < 0)
		return err_nomem(e);
	buf_printf(&path, VOLUME_PATH, name);
	if (path.failed || !json_add_str(m, "Type", "volume") || !json_add_str(m, "Name", name) || !json_add_str(m, "Source", path.data) ||
	    !json_add_str(m, "Destination", destination) || !json_add_str(m, "Driver", "local") || !json_add_str(m, "Mode", mode) ||
	    !json_add_bool(m, "RW", rw) || !json_add_str(m, "Propagation", ""))
		return err_nomem(e);
	return 0;
}

int create_tmpfs(struct create *c, const char *destination, bool read_only, struct err *e)
{
	struct json_object *m = json_object_new_object();

	if (is_taken(c, destination)) {
		json_object_put(m);
		return err_set(e, ERR_INVALID, "Duplicate mount point: %s", destination);
	}
	if (!m || json_object_array_add(c->mounts, m) < 0)
		return err_nomem(e);
	if (!json_add_str(m, "Type", "tmpfs") || !json_add_str(m, "Source", "") || !json_add_str(m, "Destination", destination) ||
	    !json_add_str(m, "Mode", "") || !json_add_bool(m, "RW", !read_only) || !json_add_str(m, "Propagation", ""))
		return err_nomem(e);
	return 0;
}

/* What the store is told beside. */
static int add_volume(struct create *c, const char *name, const char *destination, bool anonymous, struct json_object *options, struct err *e)
{
	struct json_object *v = json_object_new_object(), *labels = json_obj(options, "Labels"), *driver = json_obj(options, "DriverConfig"), *copy = NULL;

	if (!v || json_object_array_add(c->volumes, v) < 0)
		return err_nomem(e);
	if (labels && json_object_deep_copy(labels, &copy, NULL) < 0)
		return err_nomem(e);
	if (anonymous && !copy)
		copy = json_object_new_object();
	if (anonymous && !json_add_str(copy, VOLUME_ANONYMOUS, "")) {
		json_object_put(copy);
		return err_nomem(e);
	}
	if (!json_add(v, "Labels", copy) || !json_add(v, "Options", json_object_get(json_obj(driver, "Options"))) || !json_add_str(v, "Name", name) ||
	    !json_add_str(v, "Destination", destination) || !json_add_bool(v, "Anonymous", anonymous))
		return err_nomem(e);
	return 0;
}

int create_volume(struct create *c, const char *name, const char *destination, const char *mode, struct json_object *options, struct err *e)
{
	char made_up[ID_HEX_LEN + 1];
	bool rw, anonymous = !*name;

	if (*destination != '/')
		return err_set(e, ERR_INVALID, "invalid mount config for type \"volume\": invalid mount path: '%s' mount path must be absolute", destination);
	if (!destination[strspn(destination, "/")])
		return err_set(e, ERR_INVALID, "invalid mount config for type \"volume\": invalid specification: destination can't be '/'");
	if (!parse_mode(mode, &rw))
		return err_set(e, ERR_INTERNAL, "invalid mode: %s", mode);
	if (is_taken(c, destination))
		return err_set(e, ERR_INVALID, "Duplicate mount point: %s", destination);
	if (volume_check(name, json_str(json_obj(options, "DriverConfig"), "Name", ""), e) < 0)
		return -1;
	if (anonymous) {
		id_random(made_up, ID_HEX_LEN / 2);
		name = made_up;
	}
	if (add_mount(c, name, destination, mode, rw, e) < 0 || add_volume(c, name, destination, anonymous, options, e) < 0)
		return -1;
	return warn(c, destination, e);
}

int create_volumes_config(struct create *c, struct err *e)
{
	struct json_object *volumes = json_obj(c->config, "Volumes");

	if (!volumes)
		return 0;
	json_object_object_foreach(volumes, destination, v) {
		(void)v;
		if (!is_taken(c, destination) && create_volume(c, "", destination, "", NULL, e) < 0)
			return -1;
	}
	return 0;
}
