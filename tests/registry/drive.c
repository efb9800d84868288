/*
 * Drives lib/registry for tests/registry/test_registry.py:
 *   drive ENDPOINT REPOSITORY USER:PASSWORD|- COMMAND [ARGUMENT...]
 * The outcome goes to standard output; "error STATUS TEXT" when it fails.
 * REGISTRY_CA, _INSECURE, _PUBLIC_ONLY and _STALL are what registry_open() takes beside these.
 */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/copy.h"
#include "lib/registry/derive.h"
#include "lib/registry/import.h"

static int show(void *arg, const struct copy_progress *p, struct err *e)
{
	(void)arg, (void)e;
	printf("%s %s %lld/%lld\n", p->id, p->status, (long long)p->current, (long long)p->total);
	return 0;
}

/* COPY_ELSEWHERE: the repository that another owner's layers are in. */
static int elsewhere(void *arg, const char *digest, char **ret_repository, struct err *e)
{
	(void)arg, (void)digest;
	if (!getenv("COPY_ELSEWHERE"))
		return 0;
	*ret_repository = strdup(getenv("COPY_ELSEWHERE"));
	return *ret_repository ? 1 : err_nomem(e);
}

static int keep(void *arg, const struct copy_known *k, struct err *e)
{
	(void)arg, (void)e;
	printf("kept %s %s\n", k->digest, k->stored);
	return 0;
}

static ssize_t read_stdin(void *arg, void *data, size_t cap, struct err *e)
{
	ssize_t n = read(STDIN_FILENO, data, cap);

	(void)arg;
	return n < 0 ? err_errno(e, errno, "stdin") : n;
}

static int write_stdout(void *arg, const void *data, size_t len, struct err *e)
{
	(void)arg;
	return fwrite(data, 1, len, stdout) == len ? 0 : err_set(e, ERR_INTERNAL, "stdout");
}

static void show_image(const struct image *i)
{
	printf("id %s\ndigest %s\nindex %s\ntype %s\nsize %lld\nconfig %s\n", i->id, i->digest, i->index_digest, i->manifest_type,
	       (long long)i->size, i->config_text);
	for (size_t n = 0; n < i->n_layers; n++)
		printf("layer %s %s %lld\n", i->layers[n].digest, i->layers[n].diff_id, (long long)i->layers[n].size);
}

static int open_registry(const char *endpoint, const char *repository, const char *login, struct registry **ret, struct err *e)
{
	CLEANUP_FREE char *user = strcmp(login, "-") ? strdup(login) : NULL;
	char *password = user ? strchr(user, ':') : NULL;
	struct registry_config c = { .endpoint = endpoint, .repository = repository, .push = true };

	c.ca = getenv("REGISTRY_CA");
	c.insecure = getenv("REGISTRY_INSECURE");
	c.public_only = getenv("REGISTRY_PUBLIC_ONLY") != NULL;
	c.stall = getenv("REGISTRY_STALL") ? atol(getenv("REGISTRY_STALL")) : 0;
	if (password)
		*password++ = '\0';
	c.user = user;
	c.password = password;
	return registry_open(&c, ret, e);
}

static int drive_get(struct registry *r, char **a, struct err *e)
{
	REGISTRY_MANIFEST_CLEANUP struct registry_manifest m = { 0 };

	if (registry_get_manifest(r, a[0], &m, e) < 0)
		return -1;
	printf("%s %s %zu\n", m.media_type, m.digest, m.len);
	return 0;
}

static int drive_head(struct registry *r, char **a, struct err *e)
{
	char digest[DIGEST_SIZE] = "";
	int rc = registry_head_manifest(r, a[0], digest, e);

	printf("%d %s\n", rc, digest);
	return rc < 0 ? -1 : 0;
}

static int drive_fetch(struct registry *r, char **a, struct err *e)
{
	IMAGE_CLEANUP struct image i = { 0 };

	if (image_fetch(r, a[0], a[1], &i, e) < 0)
		return -1;
	show_image(&i);
	return 0;
}

static int drive_copy(struct registry *r, char **a, struct err *e)
{
	REGISTRY_CLEANUP struct registry *to = NULL;
	IMAGE_CLEANUP struct image i = { 0 };
	struct copy_listener l = { .report = show, .elsewhere = elsewhere, .keep = keep, .turns = getenv("COPY_TURNS"), .owner = "tests" };

	if (open_registry(a[2], a[3], "-", &to, e) < 0 || image_fetch(r, a[0], a[1], &i, e) < 0)
		return -1;
	return image_copy(r, &i, to, a[4], &l, NULL, e);
}

static int drive_derive(struct registry *r, char **a, struct err *e)
{
	CLEANUP_FREE char *uri = NULL;
	CLEANUP_JSON struct json_object *notes = NULL;
	REGISTRY_CLEANUP struct registry *from = NULL;
	IMAGE_CLEANUP struct image i = { 0 };
	struct derive_dir dirs[DERIVE_DIRS_MAX];
	struct derive_wish w = { .agent_path = a[2], .state_dir = a[3], .user = "", .dirs = dirs, .keep_root_only = getenv("KEEP_ROOT_ONLY") };

	for (; a[4 + w.n_dirs] && w.n_dirs < DERIVE_DIRS_MAX; w.n_dirs++)
		dirs[w.n_dirs] = (struct derive_dir){ a[4 + w.n_dirs], *a[4 + w.n_dirs] == '~' ? DERIVE_CAREFUL : DERIVE_ASKED };
	if (image_fetch(r, a[0], a[1], &i, e) < 0)
		return -1;
	if (open_registry(registry_host(r), registry_repository(r), a[-2], &from, e) < 0 || derive_image(r, from, &i, &w, &uri, &notes, e) < 0)
		return -1;
	printf("uri %s\n", uri);
	for (size_t n = 0; n < json_object_array_length(notes); n++)
		printf("note %s\n", json_object_get_string(json_object_array_get_idx(notes, n)));
	return 0;
}

static int drive_import(struct registry *r, char **a, struct err *e)
{
	IMAGE_CLEANUP struct image i = { 0 };
	struct image_import in = {
		.read = read_stdin, .architecture = "amd64", .created = 1700000000, .changes = (const char *const *)(a + 1),
	};

	if (getenv("IMPORT_LIMIT"))
		in.limit = atoll(getenv("IMPORT_LIMIT"));
	if (image_import(r, &in, a[0], &i, e) < 0)
		return -1;
	show_image(&i);
	return 0;
}

static int drive_upload(struct registry *r, char **a, struct err *e)
{
	char digest[DIGEST_SIZE];
	int64_t size;

	(void)a;
	if (registry_put_blob_stream(r, read_stdin, NULL, digest, &size, e) < 0)
		return -1;
	printf("%s %lld\n", digest, (long long)size);
	return 0;
}

static int drive_upload_file(struct registry *r, char **a, struct err *e)
{
	CLEANUP_CLOSE int fd = open(a[0], O_RDONLY | O_CLOEXEC);

	return registry_put_blob_fd(r, fd, a[1], NULL, e);
}

static int drive_blob(struct registry *r, char **a, struct err *e)
{
	return registry_get_blob(r, a[0], -1, write_stdout, NULL, NULL, e);
}

static int drive_blob_of_size(struct registry *r, char **a, struct err *e)
{
	return registry_get_blob(r, a[0], atoll(a[1]), write_stdout, NULL, NULL, e);
}

static int drive_mount(struct registry *r, char **a, struct err *e)
{
	int rc = registry_mount_blob(r, a[0], a[1], e);

	printf("%d\n", rc);
	return rc < 0 ? -1 : 0;
}

static int drive_tags(struct registry *r, char **a, struct err *e)
{
	CLEANUP_JSON struct json_object *tags = NULL;

	(void)a;
	if (registry_list_tags(r, &tags, e) < 0)
		return -1;
	printf("%s\n", json_text(tags));
	return 0;
}

static int drive_ping(struct registry *r, char **a, struct err *e)
{
	(void)a;
	return registry_ping(r, e);
}

static const struct {
	const char *name;
	int (*drive)(struct registry *r, char **a, struct err *e);
	int arguments;
} commands[] = {
	{ "ping", drive_ping, 0 },     { "get", drive_get, 1 },		{ "head", drive_head, 1 },
	{ "fetch", drive_fetch, 2 },   { "copy", drive_copy, 5 },	{ "derive", drive_derive, 4 },
	{ "import", drive_import, 1 }, { "upload", drive_upload, 0 },	{ "upload-file", drive_upload_file, 2 },
	{ "blob", drive_blob, 1 },     { "mount", drive_mount, 2 },	{ "tags", drive_tags, 0 },
	{ "blob-of-size", drive_blob_of_size, 2 },
};

int main(int argc, char **argv)
{
	REGISTRY_CLEANUP struct registry *r = NULL;
	struct err e = { 0 };

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 5 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return 2;
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (strcmp(argv[4], commands[i].name) != 0 || argc - 5 < commands[i].arguments)
			continue;
		if (open_registry(argv[1], argv[2], argv[3], &r, &e) == 0 && commands[i].drive(r, argv + 5, &e) == 0)
			return 0;
		printf("error %d %s\n", err_status(e.kind), e.text);
		return 1;
	}
	return 2;
}
