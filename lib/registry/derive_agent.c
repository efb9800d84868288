#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/derive.h"
#include "lib/registry/layer_tar.h"

#define FORMAT "sockerless-agent-layer-2"
#define READ_SIZE 65536

/* Reads a file to its end in pieces. */
static int each_piece(const char *path, int (*piece)(void *arg, const void *data, size_t len, struct err *e), void *arg, int64_t *ret_size,
		      struct err *e)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP_FREE char *data = malloc(READ_SIZE);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, errno, "%s", path);
	if (!data)
		return err_nomem(e);
	*ret_size = st.st_size;
	while ((n = read(fd, data, READ_SIZE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, errno, "%s", path);
		if (piece && piece(arg, data, (size_t)n, e) < 0)
			return -1;
	}
	return 0;
}

static int hash_piece(void *arg, const void *data, size_t len, struct err *e)
{
	return digest_update(arg, data, len, e);
}

int derive_hash_file(EVP_MD_CTX *d, const char *path, struct err *e)
{
	int64_t size;

	return each_piece(path, hash_piece, d, &size, e);
}

static int write_members(struct layer_tar *t, const char *agent_path, struct err *e)
{
	int64_t size, again;

	if (each_piece(agent_path, NULL, NULL, &size, e) < 0 || layer_tar_dir(t, ".sockerless/", e) < 0 ||
	    layer_tar_file(t, &DERIVE_AGENT[1], size, 0755, e) < 0 || each_piece(agent_path, layer_tar_data, t, &again, e) < 0)
		return -1;
	return size == again ? 0 : err_set(e, ERR_INTERNAL, "%s changed while it was read", agent_path);
}

static int make_layer(struct registry *to, const char *agent_path, struct image_layer *ret, struct err *e)
{
	struct layer_tar t;

	if (layer_tar_begin(to, &t, e) < 0)
		return -1;
	return layer_tar_end(&t, write_members(&t, agent_path, e), ret, e);
}

static int agent_key(const char *agent_path, const char *architecture, char ret[DERIVE_KEY_SIZE], struct err *e)
{
	EVP_MD_CTX *d = digest_begin(e);
	char digest[DIGEST_SIZE];

	if (!d)
		return -1;
	if (digest_update(d, FORMAT, sizeof FORMAT, e) < 0 || digest_update(d, architecture, strlen(architecture) + 1, e) < 0 ||
	    derive_hash_file(d, agent_path, e) < 0) {
		digest_drop(d);
		return -1;
	}
	if (digest_end(d, digest, e) < 0)
		return -1;
	memcpy(ret, digest + strlen("sha256:"), DERIVE_KEY_SIZE);
	return 0;
}

/* An image of the agent's layer alone, under a tag of its own, remembers the layer for all others of the repository. */
static int remember_layer(struct registry *to, const struct image_layer *layer, const char *architecture, const char *tag, struct err *e)
{
	IMAGE_CLEANUP struct image i = { .layers = malloc(sizeof *i.layers), .config = json_object_new_object() };

	if (!i.layers || !i.config || !json_add_str(i.config, "architecture", architecture) || !json_add_str(i.config, "os", "linux"))
		return err_nomem(e);
	*i.layers = *layer;
	i.n_layers = 1;
	return image_seal(&i, e) < 0 ? -1 : image_push(to, &i, tag, e);
}

/* Packing the agent takes half a second, so it is done once for a repository. */
int derive_agent_layer(struct registry *to, const char *agent_path, const char *architecture, struct image_layer *ret, struct err *e)
{
	IMAGE_CLEANUP struct image i = { 0 };
	char key[DERIVE_KEY_SIZE], tag[sizeof "sockerless-agent-" + DERIVE_KEY_SIZE];

	if (agent_key(agent_path, architecture, key, e) < 0)
		return -1;
	snprintf(tag, sizeof tag, "sockerless-agent-%s", key);
	if (image_fetch(to, tag, architecture, &i, NULL) == 0 && i.n_layers == 1) {
		*ret = *i.layers;
		return 0;
	}
	return make_layer(to, agent_path, ret, e) < 0 ? -1 : remember_layer(to, ret, architecture, tag, e);
}
