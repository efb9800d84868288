#include "lib/registry/archive_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/image.h"

#define LINKS_MAX 8
#define NESTED_MAX 4
#define NAMES_MAX 1000

static char *join(const char *base, const char *name)
{
	char *whole = NULL;

	if (!base || *name == '/')
		return strdup(name);
	return asprintf(&whole, "%s/%s", base, name) < 0 ? NULL : whole;
}

char *archive_name(const char *base, const char *name)
{
	CLEANUP_FREE char *whole = join(base, name);
	char *ret = whole ? calloc(1, strlen(whole) + 1) : NULL;
	size_t len = 0;

	for (const char *p = whole; ret && *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && memcmp(p, "..", 2) == 0) {
			if (len == 0) {
				free(ret);
				return NULL;
			}
			while (len > 0 && ret[--len] != '/')
				;
		} else if (n > 0 && !(n == 1 && *p == '.')) {
			if (len > 0)
				ret[len++] = '/';
			memcpy(ret + len, p, n);
			len += n;
		}
		ret[len] = '\0';
		p += n + (p[n] == '/');
	}
	return ret;
}

const char *archive_follow(const struct archive_documents *d, const char *name)
{
	for (int i = 0; i < LINKS_MAX; i++) {
		const char *next = json_str(d->links, name, NULL);

		if (!next)
			break;
		name = next;
	}
	return name;
}

static int parse_document(const struct archive_documents *d, const char *name, struct json_object **ret, struct err *e)
{
	struct json_object *text = json_get(d->texts, archive_follow(d, name));
	struct err why = { 0 };

	if (!text)
		return err_set(e, ERR_INVALID, "open %.200s: no such file or directory", name);
	if (json_parse(json_object_get_string(text), (size_t)json_object_get_string_len(text), ret, &why) < 0)
		return err_set(e, ERR_INVALID, "%.200s: %s", name, why.text);
	return 0;
}

static size_t count(struct json_object *list)
{
	return list ? json_object_array_length(list) : 0;
}

/* A copy of a list of texts; what is no text, or too much, is an error. NULL counts as empty. */
static int copy_texts(struct json_object *from, size_t max, struct json_object **ret, struct err *e)
{
	CLEANUP_JSON struct json_object *list = json_object_new_array();

	if (!list)
		return err_nomem(e);
	if (count(from) > max)
		return err_set(e, ERR_INVALID, "invalid manifest: a list of %zu entries", count(from));
	for (size_t i = 0; i < count(from); i++) {
		struct json_object *v = json_object_array_get_idx(from, i);

		if (!json_object_is_type(v, json_type_string))
			return err_set(e, ERR_INVALID, "invalid manifest: json: cannot unmarshal %s into a string", json_type_to_name(json_object_get_type(v)));
		if (json_object_array_add(list, json_object_get(v)) < 0)
			return err_nomem(e);
	}
	*ret = STEAL(list);
	return 0;
}

/* Takes the references of both lists in any case. */
static int add_entry(struct json_object *plan, const char *config, struct json_object *layers, struct json_object *names, struct err *e)
{
	struct json_object *entry = json_object_new_object();

	if (!entry || !json_add_str(entry, "config", config)) {
		json_object_put(layers);
		json_object_put(names);
		json_object_put(entry);
		return err_nomem(e);
	}
	if (!json_add(entry, "layers", layers)) {
		json_object_put(names);
		json_object_put(entry);
		return err_nomem(e);
	}
	if (!json_add(entry, "names", names) || json_object_array_add(plan, entry) < 0) {
		json_object_put(entry);
		return err_nomem(e);
	}
	return 0;
}

static int plan_docker(const struct archive_documents *d, struct json_object *plan, struct err *e)
{
	CLEANUP_JSON struct json_object *list = NULL;

	if (parse_document(d, "manifest.json", &list, e) < 0)
		return -1;
	if (!json_object_is_type(list, json_type_array) || count(list) > ARCHIVE_IMAGES_MAX)
		return err_set(e, ERR_INVALID, "invalid manifest: manifest.json is no list of images");
	for (size_t i = 0; i < count(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i), *layers = NULL, *names = NULL;

		if (copy_texts(json_array(o, "Layers"), IMAGE_LAYERS_MAX, &layers, e) < 0)
			return -1;
		if (copy_texts(json_array(o, "RepoTags"), NAMES_MAX, &names, e) < 0) {
			json_object_put(layers);
			return -1;
		}
		if (add_entry(plan, json_str(o, "Config", ""), layers, names, e) < 0)
			return -1;
	}
	return 0;
}

/* "blobs/sha256/<hex>" of a descriptor. */
static int blob_name(struct json_object *descriptor, char ret[DIGEST_SIZE + 16], struct err *e)
{
	const char *digest = json_str(descriptor, "digest", NULL);

	if (!digest_valid(digest))
		return err_set(e, ERR_INVALID, "invalid index: \"%.100s\" is no sha256 digest", digest ? digest : "");
	snprintf(ret, DIGEST_SIZE + 16, "blobs/sha256/%s", digest + strlen("sha256:"));
	return 0;
}

/* containerd and docker write the whole name; others a reference, which is a name if it isn't a tag alone. */
static struct json_object *names_of(struct json_object *descriptor)
{
	struct json_object *annotations = json_obj(descriptor, "annotations"), *names = json_object_new_array(), *text;
	const char *name = json_str(annotations, "io.containerd.image.name", NULL);

	if (!name)
		name = json_str(annotations, "org.opencontainers.image.ref.name", NULL);
	if (!names || !name || !strpbrk(name, ":/"))
		return names;
	text = json_object_new_string(name);
	if (text && json_object_array_add(names, text) == 0)
		return names;
	json_object_put(text);
	json_object_put(names);
	return NULL;
}

static int plan_manifest(struct json_object *manifest, struct json_object *descriptor, struct json_object *plan, struct err *e)
{
	CLEANUP_JSON struct json_object *layers = json_object_new_array();
	struct json_object *from = json_array(manifest, "layers"), *names;
	char name[DIGEST_SIZE + 16];

	if (!layers)
		return err_nomem(e);
	if (count(from) > IMAGE_LAYERS_MAX)
		return err_set(e, ERR_INVALID, "images of more than %d layers are not supported", IMAGE_LAYERS_MAX);
	for (size_t i = 0; i < count(from); i++) {
		if (blob_name(json_object_array_get_idx(from, i), name, e) < 0)
			return -1;
		if (json_object_array_add(layers, json_object_new_string(name)) < 0)
			return err_nomem(e);
	}
	if (blob_name(json_obj(manifest, "config"), name, e) < 0)
		return -1;
	names = names_of(descriptor);
	return names ? add_entry(plan, name, STEAL(layers), names, e) : err_nomem(e);
}

/* A manifest, or an index in which the platform is chosen; its names are those of `descriptor`, which named it first. */
static int plan_descriptor(const struct archive_documents *d, const char *architecture, struct json_object *descriptor, struct json_object *plan, struct err *e)
{
	CLEANUP_JSON struct json_object *o = NULL;
	char digest[DIGEST_SIZE], name[DIGEST_SIZE + 16];

	if (blob_name(descriptor, name, e) < 0)
		return -1;
	for (int depth = 0; depth < NESTED_MAX; depth++) {
		json_object_put(o);
		o = NULL;
		if (parse_document(d, name, &o, e) < 0)
			return -1;
		if (!json_array(o, "manifests"))
			return plan_manifest(o, descriptor, plan, e);
		if (image_choose_platform(o, architecture, digest, e) < 0)
			return -1;
		snprintf(name, sizeof name, "blobs/sha256/%s", digest + strlen("sha256:"));
	}
	return err_set(e, ERR_INVALID, "invalid index: indexes within indexes");
}

static int plan_oci(const struct archive_documents *d, const char *architecture, struct json_object *plan, struct err *e)
{
	CLEANUP_JSON struct json_object *index = NULL;
	struct json_object *list;

	if (parse_document(d, "index.json", &index, e) < 0)
		return -1;
	list = json_array(index, "manifests");
	if (count(list) == 0 || count(list) > ARCHIVE_IMAGES_MAX)
		return err_set(e, ERR_INVALID, "invalid index: it names %zu images", count(list));
	for (size_t i = 0; i < count(list); i++)
		if (plan_descriptor(d, architecture, json_object_array_get_idx(list, i), plan, e) < 0)
			return -1;
	return 0;
}

int archive_plan(const struct archive_documents *d, const char *architecture, struct json_object **ret, struct err *e)
{
	CLEANUP_JSON struct json_object *plan = json_object_new_array();
	int rc;

	if (!plan)
		return err_nomem(e);
	if (json_get(d->texts, archive_follow(d, "manifest.json")))
		rc = plan_docker(d, plan, e);
	else if (json_get(d->texts, "index.json"))
		rc = plan_oci(d, architecture, plan, e);
	else
		return err_set(e, ERR_INVALID, "invalid archive: does not contain a manifest.json");
	if (rc < 0)
		return -1;
	*ret = STEAL(plan);
	return 0;
}
