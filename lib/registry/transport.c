#include "lib/registry/transport.h"

#include <inttypes.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/registry/address.h"

#define BODY_MAX (64u << 10)   /* of a reply whose body nobody asked for */
#define HEADERS_MAX (64u << 10)
#define TIMEOUT 120L           /* seconds */
#define PROBE_TIMEOUT 15L      /* seconds: dockerd's, for GET /v2/ */
#define STALL 60L              /* seconds below SLOWEST */
#define SLOWEST 100L           /* bytes a second of what may take long */
#define BUFFER 65536L

struct exchange {
	const struct registry_request *q;
	struct registry_reply *reply;
	CURL *easy;
	size_t header_bytes;
	size_t limit;
	bool failed; /* `write` failed and has set `why` */
	struct err why;
};

void registry_reply_free(struct registry_reply *r)
{
	buf_free(&r->body);
	free(r->location);
	free(r->challenge);
	*r = (struct registry_reply){ .length = -1, .first = -1, .last = -1 };
}

static int ask_cancelled(void *arg, curl_off_t down, curl_off_t downloaded, curl_off_t up, curl_off_t uploaded)
{
	const struct registry *r = arg;

	(void)down;
	(void)downloaded;
	(void)up;
	(void)uploaded;
	return r->cancelled(r->cancelled_arg);
}

/* The operator's own authorities beside the system's. */
static CURLcode add_authorities(CURL *easy, void *ssl, void *arg)
{
	const char *path = arg;
	struct stat st;

	(void)easy;
	if (stat(path, &st) < 0)
		return CURLE_SSL_CACERT_BADFILE;
	if (SSL_CTX_load_verify_locations(ssl, S_ISDIR(st.st_mode) ? NULL : path, S_ISDIR(st.st_mode) ? path : NULL) != 1)
		return CURLE_SSL_CACERT_BADFILE;
	return CURLE_OK;
}

/* No socket for an address that only we, not the internet, can reach. */
static curl_socket_t open_public(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct registry *r = arg;

	(void)purpose;
	if (!address_public(&a->addr)) {
		r->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

bool registry_easy_defaults(struct registry *r, CURL *easy)
{
	CURLcode rc = CURLE_OK;

	if (r->ca) {
		rc |= curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, add_authorities);
		rc |= curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, r->ca);
	}
	if (r->public_only) {
		rc |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_public);
		rc |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, r);
	}

	if (r->cancelled) {
		rc |= curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, ask_cancelled);
		rc |= curl_easy_setopt(easy, CURLOPT_XFERINFODATA, r);
		rc |= curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	}
	rc |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	rc |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	rc |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	rc |= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER);
	rc |= curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER);
	rc |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	rc |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, 15L);
	rc |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "sockerless");
	return rc == CURLE_OK;
}

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	size_t len = size * n;
	long status = 0;

	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	if ((status == 200 || status == 206) && x->q->write) {
		if (x->q->write(x->q->arg, data, len, &x->why) == 0)
			return len;
		x->failed = true;
		return 0;
	}
	if (x->reply->body.len + len > x->limit) {
		x->failed = true;
		err_set(&x->why, ERR_UPSTREAM, "the registry's reply is larger than %zu bytes", x->limit);
		return 0;
	}
	buf_append(&x->reply->body, data, len);
	return x->reply->body.failed ? 0 : len;
}

/* The value of a header line of that name (free()), else NULL. */
static char *header_value(const char *line, size_t len, const char *name)
{
	size_t n = strlen(name);

	if (len <= n || line[n] != ':' || strncasecmp(line, name, n) != 0)
		return NULL;
	for (n++; n < len && (line[n] == ' ' || line[n] == '\t'); n++)
		;
	while (len > n && strchr(" \t\r\n", line[len - 1]))
		len--;
	return strndup(line + n, len - n);
}

static void take_challenge(struct registry_reply *reply, char *value)
{
	/* Of several, Bearer is the one that a registry means for clients like us. */
	if (reply->challenge && strncasecmp(value, "Bearer ", 7) != 0) {
		free(value);
		return;
	}
	free(reply->challenge);
	reply->challenge = value;
}

static size_t take_header(char *line, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	struct registry_reply *reply = x->reply;
	size_t len = size * n;
	char *value;

	x->header_bytes += len;
	if (x->header_bytes > HEADERS_MAX) {
		x->failed = true;
		err_set(&x->why, ERR_UPSTREAM, "the head of the registry's reply is larger than %u bytes", HEADERS_MAX);
		return 0;
	}
	if (len > 5 && !strncmp(line, "HTTP/", 5)) {
		registry_reply_free(reply);
		return len;
	}
	if ((value = header_value(line, len, "content-type"))) {
		snprintf(reply->type, sizeof reply->type, "%.*s", (int)strcspn(value, "; "), value);
	} else if ((value = header_value(line, len, "docker-content-digest"))) {
		if (digest_valid(value))
			memcpy(reply->digest, value, DIGEST_SIZE);
	} else if ((value = header_value(line, len, "content-length"))) {
		reply->length = strtoll(value, NULL, 10);
	} else if ((value = header_value(line, len, "content-range"))) {
		reply->first = strncasecmp(value, "bytes ", 6) ? -1 : strtoll(value + 6, NULL, 10);
	} else if ((value = header_value(line, len, "range"))) {
		reply->last = strncmp(value, "0-", 2) ? -1 : strtoll(value + 2, NULL, 10);
	} else if ((value = header_value(line, len, "link"))) {
		reply->more = strstr(value, "next") != NULL;
	} else if ((value = header_value(line, len, "location"))) {
		free(reply->location);
		reply->location = STEAL(value);
	} else if ((value = header_value(line, len, "www-authenticate"))) {
		take_challenge(reply, STEAL(value));
	}
	free(value);
	return len;
}

static int add_line(struct curl_slist **list, const char *name, const char *value, struct err *e)
{
	BUF_CLEANUP struct buf line = BUF_INIT;
	struct curl_slist *longer;

	buf_printf(&line, "%s: %s", name, value);
	if (line.failed || !(longer = curl_slist_append(*list, line.data)))
		return err_nomem(e);
	*list = longer;
	return 0;
}

static bool same_host(const struct registry *r, const char *url)
{
	size_t len = strlen(r->base);

	return !strncmp(url, r->base, len) && (!url[len] || strchr("/?", url[len]));
}

static int make_headers(const struct registry *r, const struct registry_request *q, const char *url, struct curl_slist **list, struct err *e)
{
	char range[40];

	snprintf(range, sizeof range, "bytes=%" PRId64 "-", q->from);
	if (q->from > 0 && add_line(list, "Range", range, e) < 0)
		return -1;
	if (q->accept && add_line(list, "Accept", q->accept, e) < 0)
		return -1;
	if (q->range && add_line(list, "Content-Range", q->range, e) < 0)
		return -1;
	if (add_line(list, "Content-Type", q->type ? q->type : "", e) < 0 || add_line(list, "Expect", "", e) < 0)
		return -1;
	if (r->authorization && same_host(r, url) && add_line(list, "Authorization", r->authorization, e) < 0)
		return -1;
	return 0;
}

static CURLcode set_method(CURL *easy, const struct registry_request *q)
{
	CURLcode rc = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, q->method);
	bool sends = q->body || !strcmp(q->method, "POST") || !strcmp(q->method, "PUT") || !strcmp(q->method, "PATCH");

	if (!strcmp(q->method, "HEAD"))
		rc |= curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	if (sends) {
		rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body_len);
		rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, q->body ? q->body : "");
	} else {
		/* curl leaves Authorization out when it follows to another host. */
		rc |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
		rc |= curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REGISTRY_REDIRECTS_MAX);
	}
	return rc;
}

static int set_options(struct registry *r, struct exchange *x, const char *url, struct curl_slist *headers, struct err *e)
{
	CURL *easy = r->easy;
	CURLcode rc = set_method(easy, x->q);

	rc |= curl_easy_setopt(easy, CURLOPT_URL, url);
	rc |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	rc |= curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, strncmp(r->base, "https:", 6) ? "http,https" : "https");
	rc |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	rc |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
	rc |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	rc |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
	if (x->q->slow) {
		rc |= curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, SLOWEST);
		rc |= curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, r->stall ? r->stall : STALL);
	} else {
		rc |= curl_easy_setopt(easy, CURLOPT_TIMEOUT, x->q->timeout ? x->q->timeout : r->timeout ? r->timeout : TIMEOUT);
	}
	return rc == CURLE_OK ? 0 : err_set(e, ERR_INTERNAL, "curl refuses its options");
}

/* A Location against the URL it came from; never from https to http. */
static int resolve_location(struct registry_reply *reply, const char *url, struct err *e)
{
	CURLU *u = curl_url();
	char *whole = NULL;
	int rc = 0;

	if (!u || curl_url_set(u, CURLUPART_URL, url, 0) || curl_url_set(u, CURLUPART_URL, reply->location, 0) ||
	    curl_url_get(u, CURLUPART_URL, &whole, 0) || (!strncmp(url, "https:", 6) && strncmp(whole, "https:", 6)))
		rc = err_set(e, ERR_UPSTREAM, "the registry sent a bad Location");
	free(reply->location);
	reply->location = rc == 0 ? strdup(whole) : NULL;
	curl_free(whole);
	curl_url_cleanup(u);
	return rc < 0 || reply->location ? rc : err_nomem(e);
}

/* Faults of the way, not of what was asked. */
static bool is_passing(CURLcode code)
{
	return code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT || code == CURLE_GOT_NOTHING || code == CURLE_PARTIAL_FILE ||
	       code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_SSL_CONNECT_ERROR;
}

static int send_once(struct registry *r, const struct registry_request *q, struct registry_reply *reply, struct err *e)
{
	struct exchange x = { .q = q, .reply = reply, .limit = q->limit ? q->limit : BODY_MAX };
	BUF_CLEANUP struct buf url = BUF_INIT;
	struct curl_slist *headers = NULL;
	long status = 0;
	CURLcode code;
	int rc;

	buf_printf(&url, "%s%s", *q->url == '/' ? r->base : "", q->url);
	if (!r->easy)
		r->easy = curl_easy_init();
	if (url.failed || !r->easy)
		return err_nomem(e);
	curl_easy_reset(r->easy);
	x.easy = r->easy;
	registry_reply_free(reply);
	rc = registry_easy_defaults(r, r->easy) ? make_headers(r, q, url.data, &headers, e) : err_nomem(e);
	if (rc == 0)
		rc = set_options(r, &x, url.data, headers, e);
	if (rc == 0) {
		code = curl_easy_perform(r->easy);
		curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
		reply->status = (int)status;
		reply->broken = !x.failed && !r->refused && is_passing(code);
		if (x.failed)
			rc = err_set(e, x.why.kind, "%s", x.why.text);
		else if (code != CURLE_OK && r->refused)
			rc = err_set(e, ERR_FORBIDDEN, "registries at private addresses are not supported here: %s (SOCKERLESS_REGISTRY_PUBLIC_ONLY)", url.data);
		else if (code != CURLE_OK)
			rc = registry_failure_curl(r->easy, code, q->method, url.data, e);
		else if (reply->location)
			rc = resolve_location(reply, url.data, e);
	}
	curl_slist_free_all(headers);
	return rc;
}

/* GET /v2/ once: reaches the registry and hears how to authenticate. */
static int probe(struct registry *r, struct err *e)
{
	REGISTRY_REPLY_CLEANUP struct registry_reply reply = { 0 };
	struct registry_request q = { .method = "GET", .url = "/v2/", .timeout = PROBE_TIMEOUT };

	if (r->probed)
		return 0;
	if (send_once(r, &q, &reply, e) < 0)
		return -1;
	if (reply.status == 401 && reply.challenge) {
		r->challenge = STEAL(reply.challenge);
		if (registry_authenticate(r, e) < 0)
			return -1;
	}
	r->probed = true;
	return 0;
}

int registry_send(struct registry *r, const struct registry_request *q, struct registry_reply *ret, struct err *e)
{
	if (probe(r, e) < 0 || send_once(r, q, ret, e) < 0)
		return -1;
	if (ret->status != 401 || !ret->challenge)
		return 0;
	/* A token that has ended, or one that doesn't cover this. */
	free(r->challenge);
	r->challenge = STEAL(ret->challenge);
	if (!strncasecmp(r->challenge, "Basic", 5) && r->authorization)
		return 0;
	if (registry_authenticate(r, e) < 0)
		return -1;
	return send_once(r, q, ret, e);
}
