/*
 * The config of the image that buildah made, as dockerd would have written it:
 * without what tells of buildah's containers and of the images of its steps,
 * which nobody but buildah has. That makes another id of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/build.h"
#include "lib/cleanup.h"
#include "lib/ids.h"
#include "lib/json.h"
#include "lib/registry/image.h"

#define SHORT_ID 12

int build_read_file(const char *path, char **ret, size_t *ret_len, struct err *e)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	CLEANUP_FREE char *data = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, errno, "reading what buildah made");
	if (!S_ISREG(st.st_mode) || st.st_size > IMAGE_CONFIG_MAX)
		return err_set(e, ERR_TOO_LARGE, "the image's config is larger than %u bytes", IMAGE_CONFIG_MAX);
	data = malloc((size_t)st.st_size + 1);
	if (!data)
		return err_nomem(e);
	if (read(fd, data, (size_t)st.st_size) != st.st_size)
		return err_errno(e, errno, "reading what buildah made");
	data[st.st_size] = '\0';
	*ret = STEAL(data);
	*ret_len = (size_t)st.st_size;
	return 0;
}

/* In buildah's storage the config's file is named by the base64 of its digest. */
static int read_config(const struct build *b, struct json_object **ret, struct err *e)
{
	static const char *const places[] = { "overlay-images", "vfs-images" };
	char digest[DIGEST_SIZE], found[DIGEST_SIZE];
	CLEANUP_FREE char *text = NULL;
	unsigned char name[128];
	size_t len = 0;
	int rc = -1;

	snprintf(digest, sizeof digest, "sha256:%.64s", b->image);
	EVP_EncodeBlock(name, (const unsigned char *)digest, (int)strlen(digest));
	for (size_t i = 0; i < 2 && rc < 0; i++) {
		CLEANUP_FREE char *path = NULL;

		if (asprintf(&path, "%s/%s/%s/=%s", b->storage, places[i], b->image, (char *)name) < 0)
			return err_nomem(e);
		rc = build_read_file(path, &text, &len, e);
	}
	if (rc < 0 || digest_of(text, len, found, e) < 0)
		return -1;
	if (strcmp(found, digest) != 0)
		return err_set(e, ERR_INTERNAL, "the config of the built image is damaged");
	return json_parse(text, len, ret, e) < 0 ? -1 : image_check_config(*ret, e);
}

static bool is_empty(struct json_object *v)
{
	return (json_object_is_type(v, json_type_object) && json_object_object_length(v) == 0) ||
	       (json_object_is_type(v, json_type_array) && json_object_array_length(v) == 0);
}

static int tidy_settings(struct json_object *config, struct err *e)
{
	static const char *const unset[] = { "Volumes", "Entrypoint", "OnBuild", "Labels" };

	if (!config)
		return 0;
	for (size_t i = 0; i < sizeof unset / sizeof *unset; i++)
		if (is_empty(json_get(config, unset[i])) && !json_add(config, unset[i], NULL))
			return err_nomem(e);
	return json_add_str(config, "Hostname", "") ? 0 : err_nomem(e);
}

/* "FROM " and the id of the image that a step began with. */
static bool names_step(const char *comment)
{
	return strncmp(comment, "FROM ", 5) == 0 && strlen(comment + 5) == SHORT_ID && hex_is(comment + 5, SHORT_ID);
}

static void tidy_history(struct json_object *history)
{
	for (size_t i = 0; history && i < json_object_array_length(history); i++) {
		struct json_object *step = json_object_array_get_idx(history, i);

		if (names_step(json_str(step, "comment", "")))
			json_object_object_del(step, "comment");
	}
}

static char *link_path(const struct build *b, const char *hex)
{
	char *path;

	return asprintf(&path, "%s/../ids/%.64s", b->storage, hex) < 0 ? NULL : path;
}

bool build_linked(const struct build *b, const char *hex, char ret[65])
{
	CLEANUP_FREE char *path = link_path(b, hex);
	ssize_t n = path ? readlink(path, ret, ID_HEX_LEN + 1) : -1;

	if (n != ID_HEX_LEN)
		return false;
	ret[n] = '\0';
	return hex_is(ret, ID_HEX_LEN);
}

/* The next build from this image finds its layers where they are. */
static int link_result(const struct build *b, struct err *e)
{
	CLEANUP_FREE char *path = link_path(b, b->result + strlen("sha256:"));

	if (!path)
		return err_nomem(e);
	if ((unlink(path) < 0 && errno != ENOENT) || (symlink(b->image, path) < 0 && errno != EEXIST))
		return err_errno(e, errno, "%s", path);
	return 0;
}

/* A Dockerfile without a step of its own gives the image that it names. */
static bool is_base(const struct build *b)
{
	json_object_object_foreach(b->images, name, hex) {
		(void)name;
		if (strcmp(json_object_get_string(hex), b->image) == 0)
			return true;
	}
	return false;
}

int build_config(struct build *b, struct err *e)
{
	static const char *const buildahs[] = { "container", "container_config", "parent" };
	CLEANUP_JSON struct json_object *config = NULL;
	const char *text;

	snprintf(b->result, sizeof b->result, "sha256:%.64s", build_own_id(b, b->image));
	if (is_base(b))
		return 0;
	if (read_config(b, &config, e) < 0 || tidy_settings(json_obj(config, "config"), e) < 0)
		return -1;
	for (size_t i = 0; i < sizeof buildahs / sizeof *buildahs; i++)
		json_object_object_del(config, buildahs[i]);
	tidy_history(json_array(config, "history"));
	text = json_text(config);
	b->config_text = text ? strdup(text) : NULL;
	if (!b->config_text)
		return err_nomem(e);
	return digest_of(b->config_text, strlen(b->config_text), b->result, e) < 0 ? -1 : link_result(b, e);
}
