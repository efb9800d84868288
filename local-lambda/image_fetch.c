#include "local-lambda/image_fetch.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/ids.h"

#define MANIFEST_MAX (4u << 20)
#define ACCEPT_MANIFESTS \
	"Accept: application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, " \
	"application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.index.v1+json"

/* Where the bytes of one answer go: into a buffer or a file, hashed on the way. */
struct sink {
	struct buf *body; /* or */
	int fd;
	EVP_MD_CTX *hash;
	uint64_t left;
	bool too_large;
	int write_errno;
};

const char *digest_hex(const char *digest)
{
	const char *hex = digest && !strncmp(digest, "sha256:", 7) ? digest + 7 : NULL;

	return hex && strlen(hex) == DIGEST_HEX_LEN && strspn(hex, "0123456789abcdef") == DIGEST_HEX_LEN ? hex : NULL;
}

/* Nothing but this machine: the registry is spoken to in clear text, with a password. */
static bool host_is_loopback(const char *host)
{
	char name[256];
	struct in_addr address;

	if (!strncmp(host, "[::1]", 5) && (host[5] == ':' || !host[5]))
		return true;
	snprintf(name, sizeof name, "%.*s", (int)strcspn(host, ":"), host);
	if (!strcmp(name, "localhost"))
		return true;
	return inet_pton(AF_INET, name, &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

int image_source_parse(struct image_source *ret, const char *uri, const char *auth, struct err *e)
{
	struct image_source source = { .auth = auth };
	const char *slash = strchr(uri, '/');
	const char *at = strchr(uri, '@');
	const char *end = at ? at : uri + strlen(uri);
	const char *colon = NULL;

	for (const char *p = slash; p && p < end; p++)
		if (*p == ':')
			colon = p;
	const char *repo_end = colon ? colon : end;
	const char *reference = at ? at + 1 : colon ? colon + 1 : "latest";
	size_t reference_len = at || !colon ? strlen(reference) : (size_t)(end - reference);

	if (!slash || slash == uri || repo_end <= slash + 1 || (size_t)(slash - uri) >= sizeof source.host ||
	    (size_t)(repo_end - slash) > sizeof source.repo || !reference_len || reference_len >= sizeof source.reference ||
	    (at && !digest_hex(reference)))
		return err_set(e, ERR_INVALID, "Source image %s is not valid", uri);
	memcpy(source.host, uri, (size_t)(slash - uri));
	memcpy(source.repo, slash + 1, (size_t)(repo_end - slash - 1));
	memcpy(source.reference, reference, reference_len);
	if (strspn(source.repo, "abcdefghijklmnopqrstuvwxyz0123456789._-/") != strlen(source.repo) || strstr(source.repo, "..") ||
	    strpbrk(source.reference, "/?#% "))
		return err_set(e, ERR_INVALID, "Source image %s is not valid", uri);
	if (!host_is_loopback(source.host))
		return err_set(e, ERR_INVALID, "Source image %s is not valid: the local Lambda takes images from a registry on this machine only",
			       uri);
	*ret = source;
	return 0;
}

static size_t sink_write(char *data, size_t size, size_t n, void *arg)
{
	struct sink *sink = arg;
	size_t len = size * n;

	if (len > sink->left) {
		sink->too_large = true;
		return 0;
	}
	sink->left -= len;
	if (EVP_DigestUpdate(sink->hash, data, len) != 1)
		return 0;
	if (sink->body) {
		buf_append(sink->body, data, len);
		return sink->body->failed ? 0 : len;
	}
	for (size_t done = 0; done < len;) {
		ssize_t w = write(sink->fd, data + done, len - done);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0) {
			sink->write_errno = errno;
			return 0;
		}
		done += (size_t)w;
	}
	return len;
}

static void cleanup_curl(CURL **curl)
{
	curl_easy_cleanup(*curl);
}

static void cleanup_slist(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

static void cleanup_hash(EVP_MD_CTX **hash)
{
	EVP_MD_CTX_free(*hash);
}

static int answer_check(CURLcode rc, long status, const struct sink *sink, const char *url, struct err *e)
{
	if (sink->too_large)
		return err_set(e, ERR_INVALID, "%s is larger than its descriptor or Lambda's limit allows", url);
	if (sink->write_errno)
		return err_errno(e, sink->write_errno, "keeping %s", url);
	if (rc != CURLE_OK)
		return err_set(e, ERR_UPSTREAM, "%s: %s", url, curl_easy_strerror(rc));
	if (status == 404)
		return err_set(e, ERR_NOT_FOUND, "Source image is not there: %s answered 404", url);
	if (status == 401 || status == 403)
		return err_set(e, ERR_FORBIDDEN, "no access to the source image: %s answered %ld", url, status);
	if (status != 200)
		return err_set(e, ERR_UPSTREAM, "%s answered %ld", url, status);
	return 0;
}

static int http_get(const struct image_source *source, const char *kind, const char *reference, const char *header,
		    struct sink *sink, char hex[DIGEST_HEX_LEN + 1], struct err *e)
{
	__attribute__((cleanup(cleanup_curl))) CURL *curl = curl_easy_init();
	__attribute__((cleanup(cleanup_slist))) struct curl_slist *headers = header ? curl_slist_append(NULL, header) : NULL;
	__attribute__((cleanup(cleanup_hash))) EVP_MD_CTX *hash = EVP_MD_CTX_new();
	unsigned char digest[32];
	char url[1024];
	long status = 0;

	if (!curl || (header && !headers) || !hash || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1)
		return err_nomem(e);
	sink->hash = hash;
	snprintf(url, sizeof url, "http://%s/v2/%s/%s/%s", source->host, source->repo, kind, reference);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 5L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, sink_write);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, sink);
	curl_easy_setopt(curl, CURLOPT_FAILONERROR, 0L);
	if (headers)
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	if (source->auth) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(curl, CURLOPT_USERPWD, source->auth);
	}
	CURLcode rc = curl_easy_perform(curl);

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (answer_check(rc, status, sink, url, e) < 0)
		return -1;
	if (EVP_DigestFinal_ex(hash, digest, NULL) != 1)
		return err_nomem(e);
	hex_encode(hex, digest, sizeof digest);
	return 0;
}

int image_fetch_manifest(const struct image_source *source, struct buf *ret_body, char hex[DIGEST_HEX_LEN + 1], struct err *e)
{
	BUF_CLEANUP struct buf body = BUF_LIMITED(MANIFEST_MAX);
	struct sink sink = { .body = &body, .fd = -1, .left = MANIFEST_MAX };
	const char *wanted = digest_hex(source->reference);
	char got[DIGEST_HEX_LEN + 1];

	if (http_get(source, "manifests", source->reference, ACCEPT_MANIFESTS, &sink, got, e) < 0)
		return -1;
	if (wanted && strcmp(wanted, got))
		return err_set(e, ERR_UPSTREAM, "the registry's manifest %s has the digest sha256:%s", source->reference, got);
	memcpy(hex, got, sizeof got);
	buf_append(ret_body, body.data ? body.data : "", body.len);
	return ret_body->failed ? err_nomem(e) : 0;
}

int image_fetch_blob(const struct image_source *source, const char *digest, uint64_t limit, int fd, struct err *e)
{
	struct sink sink = { .fd = fd, .left = limit };
	const char *wanted = digest_hex(digest);
	char got[DIGEST_HEX_LEN + 1];

	if (!wanted)
		return err_set(e, ERR_INVALID, "the image manifest holds a digest that is none");
	if (http_get(source, "blobs", digest, NULL, &sink, got, e) < 0)
		return -1;
	if (strcmp(wanted, got))
		return err_set(e, ERR_UPSTREAM, "the registry's blob %s has the digest sha256:%s", digest, got);
	return 0;
}
