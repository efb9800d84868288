#include "fcgi/container_files.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/image_registry.h"
#include "lib/json.h"
#include "lib/rootfs/layer_reader.h"

#define STALL_SECONDS 300 /* without a byte: the agent packs nothing any more */

static const char *const endings[CONTAINER_LAYERS] = { ".image.tar", ".tar", ".staged.tar" };

void container_layer_path(const struct request *req, const char *id, enum container_layer layer, char *ret, size_t size)
{
	snprintf(ret, size, "%s/layer/%s%s", req->settings->state_dir, id, endings[layer]);
}

int64_t container_layer_size(const struct request *req, const char *id)
{
	char path[4096];
	int64_t sum = 0;
	struct stat st;

	for (int n = 0; n < CONTAINER_LAYERS; n++) {
		container_layer_path(req, id, (enum container_layer)n, path, sizeof path);
		if (stat(path, &st) == 0)
			sum += st.st_size;
	}
	return sum;
}

void container_files_close(struct container_files *f)
{
	rootfs_close(f->fs);
	free(f->sources);
	registry_close(f->registry);
	image_free(&f->image);
	image_row_free(&f->row);
	if (f->live >= 0)
		close(f->live);
	*f = (struct container_files)CONTAINER_FILES_INIT;
}

int container_event_commit(struct request *req, const struct container *c, const char *action, struct json_object *attributes, struct err *e)
{
	if (store_begin(req->store, e) < 0) {
		json_object_put(attributes);
		return -1;
	}
	if (container_event(req, c, action, attributes, e) < 0) {
		store_rollback(req->store);
		return -1;
	}
	return store_commit(req->store, e);
}

static int open_image(struct request *req, const struct container *c, struct container_files *f, struct err *e)
{
	int rc = image_load(req->store, req->tenant, c->image_id, &f->row, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "No such image: %s", c->image_id);
	if (rc < 0 || image_registry_open(req, false, &f->registry, e) < 0)
		return -1;
	if (image_fetch(f->registry, f->row.manifest_digest, image_config_architecture(f->row.config), &f->image, e) < 0)
		return err_prefix(e, "the image in our own registry");
	return 0;
}

struct live {
	int fd;
	char message[512]; /* the beginning of an answer that isn't 200 */
	size_t len;
	int64_t taken;     /* bytes of one that is */
	CURL *easy;
	struct request *req;
};

static size_t take_live(char *data, size_t size, size_t n, void *arg)
{
	struct live *l = arg;
	size_t len = size * n, part = len < sizeof l->message - 1 - l->len ? len : sizeof l->message - 1 - l->len;
	long status = 0;

	curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200) {
		memcpy(l->message + l->len, data, part);
		l->len += part;
		return len;
	}
	l->taken += (int64_t)len;
	if (l->taken > LAYER_TAR_MAX)
		return 0;
	for (size_t at = 0; at < len;) {
		ssize_t w = write(l->fd, data + at, len - at);

		if (w < 0 && errno != EINTR)
			return 0;
		at += w > 0 ? (size_t)w : 0;
	}
	return len;
}

/* Not 0 ends it. */
static int go_on(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)a, (void)b, (void)c, (void)d;
	return request_client_left(((struct live *)arg)->req);
}

static int live_failed(const struct live *l, long status, CURLcode code, struct err *e)
{
	CLEANUP_JSON struct json_object *o = NULL;

	if (code == CURLE_OK && json_parse(l->message, l->len, &o, NULL) == 0)
		return err_set(e, err_kind_of_status((int)status), "%s", json_str(o, "message", "the agent gave no reason"));
	if (l->taken > LAYER_TAR_MAX)
		return err_set(e, ERR_TOO_LARGE, "a container that has written more than %lld bytes is not supported", (long long)LAYER_TAR_MAX);
	return err_set(e, ERR_UPSTREAM, "the container's files can't be read: %s", curl_easy_strerror(code));
}

/* The gateway passes on what the agent packs. */
static int fetch_live(struct request *req, const struct container *c, int fd, bool pause, struct err *e)
{
	struct live l = { .fd = fd, .easy = curl_easy_init(), .req = req };
	char url[256], path[4096];
	long status = 0;
	CURLcode code;

	if (!l.easy)
		return err_nomem(e);
	snprintf(url, sizeof url, "http://gateway/.gateway/http/task/%s?api=%s&task=layer&name=%.12s&pause=%d", c->id, req->api, c->id, pause);
	snprintf(path, sizeof path, "%s/gateway.sock", req->settings->run_dir);
	curl_easy_setopt(l.easy, CURLOPT_URL, url);
	curl_easy_setopt(l.easy, CURLOPT_UNIX_SOCKET_PATH, path);
	curl_easy_setopt(l.easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(l.easy, CURLOPT_WRITEFUNCTION, take_live);
	curl_easy_setopt(l.easy, CURLOPT_WRITEDATA, &l);
	curl_easy_setopt(l.easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(l.easy, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
	curl_easy_setopt(l.easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(l.easy, CURLOPT_XFERINFOFUNCTION, go_on);
	curl_easy_setopt(l.easy, CURLOPT_XFERINFODATA, &l);
	code = curl_easy_perform(l.easy);
	curl_easy_getinfo(l.easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(l.easy);
	return code == CURLE_OK && status == 200 ? 0 : live_failed(&l, status, code, e);
}

/* It has no name, so nothing of it is left whatever happens. */
static int open_live(struct request *req, const struct container *c, struct container_files *f, struct err *e)
{
	char dir[4096];

	snprintf(dir, sizeof dir, "%s/layer", req->settings->state_dir);
	f->live = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (f->live < 0)
		return err_errno(e, errno, "%s", dir);
	snprintf(f->layers[CONTAINER_RUNS], sizeof f->layers[CONTAINER_RUNS], "/proc/self/fd/%d", f->live);
	return fetch_live(req, c, f->live, f->pause, e);
}

/* Which layers of its own the container has. */
static int open_layers(struct request *req, const struct container *c, struct container_files *f, struct err *e)
{
	/* What was there before a run was put back before it. */
	for (int i = 0; i < (container_runs(c) ? CONTAINER_RUNS : CONTAINER_LAYERS); i++) {
		container_layer_path(req, c->id, (enum container_layer)i, f->layers[i], sizeof f->layers[i]);
		if (access(f->layers[i], F_OK) < 0)
			f->layers[i][0] = '\0';
	}
	return container_runs(c) ? open_live(req, c, f, e) : 0;
}

static int open_view(struct request *req, bool whole, struct container_files *f, struct err *e)
{
	size_t n = 0;

	f->sources = calloc(f->image.n_layers + CONTAINER_LAYERS, sizeof *f->sources);
	if (!f->sources)
		return err_nomem(e);
	for (; n < f->image.n_layers; n++)
		f->sources[n] = (struct rootfs_source){ .registry = f->registry, .blob = &f->image.layers[n] };
	f->n_image = n;
	for (int i = 0; i < CONTAINER_LAYERS && whole; i++)
		if (*f->layers[i])
			f->sources[n++] = (struct rootfs_source){ .tar = f->layers[i] };
	return rootfs_open(req->settings->state_dir, f->sources, n, &f->fs, e);
}

/* What the start makes: clients copy into mount points and the working directory before it. */
static int make_dirs(const struct container *c, struct rootfs *fs, struct err *e)
{
	CLEANUP_JSON struct json_object *mounts = NULL;
	CLEANUP_JSON struct json_object *config = NULL;
	const char *dir;

	if (json_parse(c->mounts, strlen(c->mounts), &mounts, e) < 0 || json_parse(c->config, strlen(c->config), &config, e) < 0)
		return -1;
	for (size_t i = 0; i < json_object_array_length(mounts); i++)
		if (rootfs_make_dir(fs, json_str(json_object_array_get_idx(mounts, i), "Destination", "/"), e) < 0)
			return -1;
	dir = json_str(config, "WorkingDir", "");
	return *dir == '/' ? rootfs_make_dir(fs, dir, e) : 0;
}

int container_files_open(struct request *req, const struct container *c, bool whole, struct container_files *ret, struct err *e)
{
	/* The sources point into it: it is filled where it stays. */
	*ret = (struct container_files){ .live = -1, .pause = ret->pause };
	if (open_image(req, c, ret, e) == 0 && open_layers(req, c, ret, e) == 0 && open_view(req, whole, ret, e) == 0 &&
	    (!whole || make_dirs(c, ret->fs, e) == 0))
		return 0;
	container_files_close(ret);
	return -1;
}
