#include "lib/registry/load.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/archive_plan.h"
#include "lib/registry/import.h"

#define CHUNK 65536
#define MEMBERS_MAX 20000
#define LAYERS_MAX 1000
#define DOCUMENT_MAX IMAGE_CONFIG_MAX
#define DOCUMENTS_MAX (32 << 20)       /* bytes of all */
#define BYTES_MAX (INT64_C(64) << 30)  /* of all layers, unpacked */
#define HEAD 512                       /* bytes that tell what a member is */

struct load {
	struct archive_documents documents; /* owned */
	struct json_object *layer_of;       /* member -> index in layers; owned */
	struct image_layer *layers;         /* LAYERS_MAX; owned */
	size_t n_layers;
	struct json_object *plan;           /* archive_plan(); owned */
	size_t documents_size;
	int64_t bytes;
};

/* One run over the archive. */
struct reading {
	struct load *load;
	struct registry *to;
	const struct load_source *from;
	struct archive *tar;
	struct err why;     /* of the source: libarchive can't carry it */
	char data[CHUNK];
	/* The member that is being read: its first bytes, and how far it was read. */
	char head[HEAD];
	size_t head_len, head_given;
	int64_t size;
};

void load_free(struct load *l)
{
	if (!l)
		return;
	json_object_put(l->documents.texts);
	json_object_put(l->documents.links);
	json_object_put(l->layer_of);
	json_object_put(l->plan);
	free(l->layers);
	free(l);
}

static inline void cleanup_load(struct load **l)
{
	load_free(*l);
}

static la_ssize_t source_read(struct archive *a, void *arg, const void **ret)
{
	struct reading *r = arg;
	ssize_t n = r->from->read(r->from->arg, r->data, CHUNK, &r->why);

	if (n < 0)
		archive_set_error(a, EIO, "read");
	*ret = r->data;
	return n;
}

/* Only what unpacks within this process: libarchive runs programs for some others. */
static bool open_source(struct reading *r)
{
	struct archive *a = r->tar;

	return archive_read_support_filter_gzip(a) >= ARCHIVE_WARN && archive_read_support_filter_bzip2(a) >= ARCHIVE_WARN &&
	       archive_read_support_filter_xz(a) >= ARCHIVE_WARN && archive_read_support_filter_zstd(a) >= ARCHIVE_WARN &&
	       archive_read_support_format_tar(a) == ARCHIVE_OK && archive_read_open(a, r, NULL, source_read, NULL) == ARCHIVE_OK;
}

static int source_failed(struct reading *r, struct err *e)
{
	const char *text = archive_error_string(r->tar);

	if (r->why.kind)
		return err_set(e, r->why.kind, "%s", r->why.text);
	if (!text || strstr(text, "Unrecognized") || strstr(text, "Truncated"))
		text = "unexpected EOF";
	return err_set(e, ERR_INVALID, "%s", text);
}

/* As much of the member as there is, up to cap; the bytes, or -1. */
static ssize_t read_full(struct reading *r, char *data, size_t cap, struct err *e)
{
	size_t len = 0;

	while (len < cap) {
		la_ssize_t n = archive_read_data(r->tar, data + len, cap - len);

		if (n < 0)
			return source_failed(r, e);
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* The member as image_import_layer() reads it: the head again, then the rest. */
static ssize_t read_layer(void *arg, void *data, size_t cap, struct err *e)
{
	struct reading *r = arg;
	ssize_t n;

	if (r->head_given < r->head_len) {
		n = (ssize_t)(r->head_len - r->head_given);
		n = (size_t)n < cap ? n : (ssize_t)cap;
		memcpy(data, r->head + r->head_given, (size_t)n);
		r->head_given += (size_t)n;
	} else {
		n = archive_read_data(r->tar, data, cap);
		if (n < 0)
			return source_failed(r, e);
	}
	return n;
}

static int take_layer(struct reading *r, const char *name, struct err *e)
{
	struct load *l = r->load;
	struct image_import in = { .read = read_layer, .arg = r, .limit = BYTES_MAX - l->bytes };

	if (l->n_layers == LAYERS_MAX || in.limit <= 0)
		return err_set(e, ERR_TOO_LARGE, "the archive holds more than %d layers or %d GiB", LAYERS_MAX, (int)(BYTES_MAX >> 30));
	if (in.limit > REGISTRY_BLOB_MAX)
		in.limit = REGISTRY_BLOB_MAX;
	if (image_import_layer(r->to, &in, &l->layers[l->n_layers], e) < 0)
		return -1;
	l->bytes += l->layers[l->n_layers].unpacked;
	if (!json_add_int(l->layer_of, name, (int64_t)l->n_layers))
		return err_nomem(e);
	l->n_layers++;
	return 0;
}

static int take_document(struct reading *r, const char *name, struct err *e)
{
	struct load *l = r->load;
	size_t size = (size_t)r->size;
	CLEANUP_FREE char *text = NULL;
	ssize_t n;

	l->documents_size += size + strlen(name);
	if (l->documents_size > DOCUMENTS_MAX)
		return err_set(e, ERR_TOO_LARGE, "the archive's JSON documents are larger than %d bytes", DOCUMENTS_MAX);
	text = malloc(size + 1);
	if (!text)
		return err_nomem(e);
	memcpy(text, r->head, r->head_len);
	n = read_full(r, text + r->head_len, size - r->head_len, e);
	if (n < 0)
		return -1;
	if (!json_add(l->documents.texts, name, json_object_new_string_len(text, (int)(r->head_len + (size_t)n))))
		return err_nomem(e);
	return 0;
}

static bool is_packed(const char *head, size_t len)
{
	return len >= 4 && (!memcmp(head, "\x1f\x8b", 2) || !memcmp(head, "\x28\xb5\x2f\xfd", 4) || !memcmp(head, "\xfd" "7zX", 4) || !memcmp(head, "BZh", 3));
}

/* A packed file, or a tar: with its mark, without it by name, or one of zeros. */
static bool is_layer(const struct reading *r, const char *name)
{
	size_t len = strlen(name);

	if (is_packed(r->head, r->head_len))
		return true;
	if (r->head_len < HEAD)
		return false;
	return memcmp(r->head + 257, "ustar", 5) == 0 || (len > 4 && strcmp(name + len - 4, ".tar") == 0) || r->head[0] == '\0';
}

static bool is_document(const struct reading *r)
{
	size_t blank = 0;

	while (blank < r->head_len && strchr(" \t\r\n", r->head[blank]))
		blank++;
	return r->size <= (int64_t)DOCUMENT_MAX && blank < r->head_len && (r->head[blank] == '{' || r->head[blank] == '[');
}

static int take_file(struct reading *r, const char *name, struct err *e)
{
	ssize_t n = read_full(r, r->head, HEAD, e);

	if (n < 0)
		return -1;
	r->head_len = (size_t)n;
	r->head_given = 0;
	if (is_layer(r, name))
		return take_layer(r, name, e);
	return is_document(r) ? take_document(r, name, e) : 0;
}

/* Older forms of `docker save` and skopeo write a layer once and link to it. */
static int take_link(struct reading *r, const char *name, const char *target, bool symbolic, struct err *e)
{
	const char *slash = symbolic ? strrchr(name, '/') : NULL;
	CLEANUP_FREE char *base = slash ? strndup(name, (size_t)(slash - name)) : NULL;
	CLEANUP_FREE char *to = archive_name(base, target);

	r->load->documents_size += strlen(name) + strlen(target);
	if (!to || r->load->documents_size > DOCUMENTS_MAX)
		return err_set(e, ERR_INVALID, "invalid archive: the link %.200s leads outside", name);
	return json_add_str(r->load->documents.links, name, to) ? 0 : err_nomem(e);
}

static int take_member(struct reading *r, struct archive_entry *entry, struct err *e)
{
	const char *path = archive_entry_pathname(entry), *symlink = archive_entry_symlink(entry), *hardlink = archive_entry_hardlink(entry);
	CLEANUP_FREE char *name = path ? archive_name(NULL, path) : NULL;

	if (!name)
		return err_set(e, ERR_INVALID, "invalid archive: the member %.200s is outside of it", path ? path : "without a name");
	if (symlink || hardlink)
		return take_link(r, name, symlink ? symlink : hardlink, symlink, e);
	if (archive_entry_filetype(entry) != AE_IFREG)
		return 0;
	r->size = archive_entry_size(entry);
	return r->size > 0 ? take_file(r, name, e) : 0;
}

static int read_members(struct reading *r, struct err *e)
{
	struct archive_entry *entry;
	int rc, n = 0;

	while ((rc = archive_read_next_header(r->tar, &entry)) == ARCHIVE_OK || rc == ARCHIVE_WARN) {
		if (n++ == MEMBERS_MAX)
			return err_set(e, ERR_TOO_LARGE, "the archive has more than %d members", MEMBERS_MAX);
		if (take_member(r, entry, e) < 0)
			return -1;
	}
	return rc == ARCHIVE_EOF && n > 0 ? 0 : source_failed(r, e);
}

static int read_archive(struct load *l, struct registry *to, const struct load_source *from, struct err *e)
{
	CLEANUP_FREE struct reading *r = calloc(1, sizeof *r);
	int rc;

	if (!r || !(r->tar = archive_read_new()))
		return err_nomem(e);
	r->load = l;
	r->to = to;
	r->from = from;
	rc = open_source(r) ? read_members(r, e) : source_failed(r, e);
	/* What stands behind the end of the tar: the client waits until it is taken. */
	while (rc == 0 && from->read(from->arg, r->data, CHUNK, &r->why) > 0)
		;
	archive_read_free(r->tar);
	return rc;
}

int load_read(struct registry *to, const struct load_source *from, struct load **ret, struct err *e)
{
	__attribute__((cleanup(cleanup_load))) struct load *l = calloc(1, sizeof *l);

	if (!l)
		return err_nomem(e);
	l->documents.texts = json_object_new_object();
	l->documents.links = json_object_new_object();
	l->layer_of = json_object_new_object();
	l->layers = calloc(LAYERS_MAX, sizeof *l->layers);
	if (!l->documents.texts || !l->documents.links || !l->layer_of || !l->layers)
		return err_nomem(e);
	if (read_archive(l, to, from, e) < 0 || archive_plan(&l->documents, from->architecture, &l->plan, e) < 0)
		return -1;
	*ret = STEAL(l);
	return 0;
}

size_t load_count(const struct load *l)
{
	return json_object_array_length(l->plan);
}

/* The layer of a member's name, as manifest.json gives it. */
static int find_layer(const struct load *l, const char *given, struct image_layer *ret, struct err *e)
{
	CLEANUP_FREE char *name = archive_name(NULL, given);
	int64_t n = name ? json_int(l->layer_of, archive_follow(&l->documents, name), -1) : -1;

	if (n < 0)
		return err_set(e, ERR_INVALID, "open %.200s: no such file or directory", given);
	*ret = l->layers[n];
	return 0;
}

/* The config says what each layer is: nothing else may stand in its place. */
static int check_layers(const struct image_layer *found, struct image *i, struct err *e)
{
	for (size_t n = 0; n < i->n_layers; n++) {
		if (strcmp(found[n].diff_id, i->layers[n].diff_id) != 0)
			return err_set(e, ERR_INVALID, "invalid diffID for layer %zu: expected \"%s\", got \"%s\"", n, i->layers[n].diff_id, found[n].diff_id);
		i->layers[n] = found[n];
	}
	return 0;
}

static int read_config(const struct load *l, const char *given, struct image *i, struct err *e)
{
	CLEANUP_FREE char *name = archive_name(NULL, given);
	struct json_object *text = name ? json_get(l->documents.texts, archive_follow(&l->documents, name)) : NULL;
	CLEANUP_FREE struct image_layer *found = calloc(i->n_layers + 1, sizeof *found);
	size_t len;

	if (!text)
		return err_set(e, ERR_INVALID, "open %.200s: no such file or directory", given);
	if (!found)
		return err_nomem(e);
	memcpy(found, i->layers, i->n_layers * sizeof *found);
	len = (size_t)json_object_get_string_len(text);
	if (digest_of(json_object_get_string(text), len, i->id, e) < 0)
		return -1;
	if (image_parse_config(i, json_object_get_string(text), len, e) < 0) {
		if (e->kind == ERR_UPSTREAM)
			e->kind = ERR_INVALID;
		return -1;
	}
	return check_layers(found, i, e);
}

int load_image(const struct load *l, size_t n, struct image *ret, struct json_object **ret_names, struct err *e)
{
	IMAGE_CLEANUP struct image i = { 0 };
	struct json_object *entry = json_object_array_get_idx(l->plan, n), *layers = json_array(entry, "layers");
	size_t count = json_object_array_length(layers);

	i.layers = calloc(count + 1, sizeof *i.layers);
	if (!i.layers)
		return err_nomem(e);
	for (; i.n_layers < count; i.n_layers++)
		if (find_layer(l, json_object_get_string(json_object_array_get_idx(layers, i.n_layers)), &i.layers[i.n_layers], e) < 0)
			return -1;
	snprintf(i.manifest_type, sizeof i.manifest_type, "%s", MEDIA_MANIFEST_DOCKER);
	snprintf(i.config_type, sizeof i.config_type, "%s", MEDIA_CONFIG_DOCKER);
	if (read_config(l, json_str(entry, "config", ""), &i, e) < 0 || image_rewrite_manifest(&i, e) < 0)
		return -1;
	memcpy(i.index_digest, i.digest, DIGEST_SIZE);
	*ret_names = json_array(entry, "names");
	*ret = i;
	i = (struct image){ 0 };
	return 0;
}
