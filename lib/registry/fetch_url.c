#include "lib/registry/fetch_url.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/registry/address.h"

#define REDIRECTS_MAX 5
#define CONNECT_SECONDS 20
#define STALL_SECONDS 60
#define WAIT_MS 1000
#define HELD_MAX (1u << 20) /* bytes that wait to be read before the transfer pauses */

struct url_fetch {
	CURLM *multi;
	CURL *easy;
	const struct url_policy *policy;
	struct buf held;
	bool paused, ended, refused;
	CURLcode result;
};

void url_close(struct url_fetch *f)
{
	if (!f)
		return;
	if (f->multi && f->easy)
		curl_multi_remove_handle(f->multi, f->easy);
	curl_easy_cleanup(f->easy);
	curl_multi_cleanup(f->multi);
	buf_free(&f->held);
	free(f);
}

static inline void cleanup_fetch(struct url_fetch **f)
{
	url_close(*f);
}

static size_t take(char *data, size_t size, size_t n, void *arg)
{
	struct url_fetch *f = arg;

	if (f->held.len >= HELD_MAX) {
		f->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	buf_append(&f->held, data, size * n);
	return f->held.failed ? 0 : size * n;
}

/* Each connection is looked at, whatever a name resolved to. */
static curl_socket_t open_public(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct url_fetch *f = arg;

	if (purpose == CURLSOCKTYPE_IPCXN && address_public(&a->addr))
		return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
	f->refused = true;
	return CURL_SOCKET_BAD;
}

static bool in_list(const char *list, const char *text)
{
	size_t n = strlen(text);

	while (list && *list) {
		size_t len = strcspn(list, ", ");

		if (len == n && memcmp(list, text, n) == 0)
			return true;
		list += len + strspn(list + len, ", ");
	}
	return false;
}

/* 1: the operator named this host. */
static int is_private_host(const char *url, const struct url_policy *policy, struct err *e)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL, both[512];
	int rc = -1;

	if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK && curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK && curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
	    (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0)) {
		snprintf(both, sizeof both, "%s:%s", host, port);
		rc = in_list(policy->private_hosts, host) || in_list(policy->private_hosts, both);
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return rc < 0 ? err_set(e, ERR_INVALID, "%.200s is no URL of http or https", url) : rc;
}

static bool set_options(struct url_fetch *f, const char *url, bool private_host)
{
	CURL *c = f->easy;
	CURLcode rc = curl_easy_setopt(c, CURLOPT_URL, url);

	rc |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	rc |= curl_easy_setopt(c, CURLOPT_WRITEDATA, f);
	rc |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	rc |= curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
	rc |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	rc |= curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	rc |= curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, private_host ? 0L : 1L);
	rc |= curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	rc |= curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	rc |= curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	rc |= curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
	if (!private_host) {
		rc |= curl_easy_setopt(c, CURLOPT_PROXY, "");
		rc |= curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_public);
		rc |= curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, f);
	}
	return rc == CURLE_OK;
}

static int failed(struct url_fetch *f, struct err *e)
{
	const char *url = "";
	long status = 0;

	curl_easy_getinfo(f->easy, CURLINFO_EFFECTIVE_URL, &url);
	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	if (f->refused)
		return err_set(e, ERR_INVALID, "%.500s is at an address of a private network, from which import is not supported (SOCKERLESS_IMPORT_HOSTS)", url);
	if (f->result == CURLE_HTTP_RETURNED_ERROR)
		return err_set(e, ERR_UPSTREAM, "got HTTP status code >= 400: %ld", status);
	return err_set(e, ERR_UPSTREAM, "Get \"%.500s\": %s", url, curl_easy_strerror(f->result));
}

/* One step of the transfer. */
static int go_on(struct url_fetch *f, struct err *e)
{
	CURLMsg *m;
	int running, left;

	if (f->policy->cancelled && f->policy->cancelled(f->policy->cancelled_arg))
		return err_set(e, ERR_INVALID, "the client left");
	if (f->paused) {
		f->paused = false;
		curl_easy_pause(f->easy, CURLPAUSE_CONT);
	}
	if (curl_multi_perform(f->multi, &running) != CURLM_OK)
		return err_set(e, ERR_INTERNAL, "curl_multi_perform failed");
	while ((m = curl_multi_info_read(f->multi, &left))) {
		f->ended = true;
		f->result = m->data.result;
	}
	if (f->held.failed)
		return err_nomem(e);
	if (f->ended && f->result != CURLE_OK)
		return failed(f, e);
	if (!f->ended && f->held.len == 0)
		curl_multi_poll(f->multi, NULL, 0, WAIT_MS, NULL);
	return 0;
}

int url_open(const char *url, const struct url_policy *policy, struct url_fetch **ret, struct err *e)
{
	__attribute__((cleanup(cleanup_fetch))) struct url_fetch *f = calloc(1, sizeof *f);
	int private_host = is_private_host(url, policy, e);
	long status = 0;

	if (private_host < 0)
		return -1;
	if (!f || !(f->multi = curl_multi_init()) || !(f->easy = curl_easy_init()))
		return err_nomem(e);
	f->policy = policy;
	if (!set_options(f, url, private_host) || curl_multi_add_handle(f->multi, f->easy) != CURLM_OK)
		return err_set(e, ERR_INTERNAL, "curl can't be set up");
	while (f->held.len == 0 && !f->ended)
		if (go_on(f, e) < 0)
			return -1;
	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return err_set(e, ERR_UPSTREAM, "Get \"%.500s\": unexpected HTTP status %ld", url, status);
	*ret = STEAL(f);
	return 0;
}

ssize_t url_read(struct url_fetch *f, void *data, size_t cap, struct err *e)
{
	size_t n;

	while (f->held.len == 0 && !f->ended)
		if (go_on(f, e) < 0)
			return -1;
	n = f->held.len < cap ? f->held.len : cap;
	if (n) {
		memcpy(data, f->held.data, n);
		buf_consume(&f->held, n);
	}
	return (ssize_t)n;
}

int64_t url_length(const struct url_fetch *f)
{
	curl_off_t length = -1;

	curl_easy_getinfo(f->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	return length;
}
