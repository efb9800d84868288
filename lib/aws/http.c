#include "lib/aws/http.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/aws/credentials.h"
#include "lib/aws/easy.h"
#include "lib/aws/endpoint.h"
#include "lib/aws/failure.h"
#include "lib/aws/sigv4.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

#define TIMEOUT_MAX 3600    /* seconds */
#define CONNECT_TIMEOUT 10L /* seconds */
#define TRIES 5
#define PAUSE_MAX 20000     /* ms */
#define HEADER_BYTES_MAX (64u << 10)
#define SKEW_MIN 60         /* seconds: a smaller difference is not why a signature is refused */

struct aws_client {
	char *region;
	long timeout; /* seconds, of a request that names none */
	struct aws_endpoint endpoints[AWS_SERVICES];
	struct aws_credentials credentials;
	time_t clock_offset; /* what AWS's clock is ahead of ours */
	CURL *easy;          /* of aws_call(), kept for its connections */
};

struct aws_transfer {
	struct aws_client *client;
	enum aws_service service;
	CURL *easy;
	bool own_easy;
	struct curl_slist *headers;
	char *body;
	struct buf reply;
	size_t header_bytes;
	struct aws_response head;
	char detail[CURL_ERROR_SIZE];
};

void aws_request_free(struct aws_request *r)
{
	free(r->path);
	free(r->query);
	free(r->body);
	for (size_t i = 0; i < r->n_headers; i++)
		free(r->headers[i].value);
	*r = (struct aws_request){ 0 };
}

void aws_response_free(struct aws_response *r)
{
	free(r->body);
	free(r->log_result);
	*r = (struct aws_response){ 0 };
}

int aws_request_header(struct aws_request *r, const char *name, const char *value, struct err *e)
{
	char *copy;

	if (r->n_headers == AWS_REQUEST_HEADERS)
		return err_set(e, ERR_INTERNAL, "too many headers in an AWS request");
	copy = strdup(value);
	if (!copy)
		return err_nomem(e);
	r->headers[r->n_headers++] = (struct aws_header){ name, copy };
	return 0;
}

int aws_client_open(struct aws_client **ret, uint64_t timeout, struct err *e)
{
	AWS_CLIENT_CLEANUP struct aws_client *c = calloc(1, sizeof *c);

	if (!c)
		return err_nomem(e);
	c->timeout = timeout > 0 && timeout < TIMEOUT_MAX ? (long)timeout : TIMEOUT_MAX;
	if (aws_region_find(&c->region, e) < 0)
		return -1;
	for (int i = 0; i < AWS_SERVICES; i++)
		if (aws_endpoint_find((enum aws_service)i, c->region, &c->endpoints[i], e) < 0)
			return -1;
	*ret = STEAL(c);
	return 0;
}

void aws_client_close(struct aws_client *c)
{
	if (!c)
		return;
	curl_easy_cleanup(c->easy);
	for (int i = 0; i < AWS_SERVICES; i++)
		aws_endpoint_free(&c->endpoints[i]);
	aws_credentials_free(&c->credentials);
	free(c->region);
	free(c);
}

static int refresh_credentials(struct aws_client *c, struct err *e)
{
	struct aws_credentials fresh = { 0 };
	time_t now = time(NULL);

	if (c->credentials.access_key_id && !aws_credentials_stale(&c->credentials, now))
		return 0;
	if (aws_credentials_load(&fresh, e) < 0)
		/* Those that are still good serve until a source answers again. */
		return c->credentials.access_key_id && c->credentials.expires > now ? 0 : -1;
	aws_credentials_free(&c->credentials);
	c->credentials = fresh;
	return 0;
}

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
	struct aws_transfer *t = arg;

	buf_append(&t->reply, data, size * n);
	return t->reply.failed ? 0 : size * n;
}

static bool header_value(const char *line, size_t len, const char *name, char *value, size_t cap)
{
	size_t n = strlen(name);

	if (len <= n || line[n] != ':' || strncasecmp(line, name, n) != 0)
		return false;
	for (n++; n < len && (line[n] == ' ' || line[n] == '\t'); n++)
		;
	while (len > n && strchr(" \t\r\n", line[len - 1]))
		len--;
	len -= n;
	if (len >= cap)
		len = cap - 1;
	memcpy(value, line + n, len);
	value[len] = '\0';
	return true;
}

static void take_log_result(struct aws_transfer *t, const char *line, size_t len)
{
	char value[16384];

	if (!header_value(line, len, "x-amz-log-result", value, sizeof value))
		return;
	free(t->head.log_result);
	t->head.log_result = strdup(value);
}

static size_t take_header(char *line, size_t size, size_t n, void *arg)
{
	struct aws_transfer *t = arg;
	struct aws_response *r = &t->head;
	size_t len = size * n;
	char value[256];

	t->header_bytes += len;
	if (t->header_bytes > HEADER_BYTES_MAX)
		return 0;
	if (len > 5 && !strncmp(line, "HTTP/", 5)) {
		aws_response_free(r); /* what a 100 said is of no interest */
		return len;
	}
	if (header_value(line, len, "x-amzn-errortype", value, sizeof value))
		aws_failure_type(value, r->error_type);
	else if (header_value(line, len, "date", value, sizeof value))
		r->date = curl_getdate(value, NULL) > 0 ? curl_getdate(value, NULL) : 0;
	else if (header_value(line, len, "retry-after", value, sizeof value))
		r->retry_after = strtol(value, NULL, 10);
	else if (!header_value(line, len, "x-amzn-requestid", r->request_id, sizeof r->request_id) &&
		 !header_value(line, len, "x-amz-function-error", r->function_error, sizeof r->function_error))
		take_log_result(t, line, len);
	return len;
}

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
	BUF_CLEANUP struct buf line = BUF_INIT;

	buf_printf(&line, *value ? "%s: %s" : "%s;%s", name, value);
	return !line.failed && !strpbrk(line.data, "\r\n") && aws_slist_add(list, line.data);
}

/* Signs, and makes the header list that is sent. */
static int sign(struct aws_transfer *t, const struct aws_request *r, const char *path, struct err *e)
{
	struct aws_client *c = t->client;
	struct sigv4_header headers[AWS_REQUEST_HEADERS + 2];
	BUF_CLEANUP struct buf authorization = BUF_INIT;
	char hash[SIGV4_HASH_SIZE], date[SIGV4_DATE_SIZE];
	struct sigv4_request s = {
		.method = r->method, .path = path, .query = r->query, .headers = headers, .payload_hash = hash,
		.time = time(NULL) + c->clock_offset, .access_key_id = c->credentials.access_key_id,
		.secret_access_key = c->credentials.secret_access_key, .session_token = c->credentials.session_token,
		.region = c->region, .service = aws_service_signing_name(r->service),
	};
	bool ok = true;

	sigv4_date(s.time, date);
	headers[s.n_headers++] = (struct sigv4_header){ "host", c->endpoints[r->service].host };
	headers[s.n_headers++] = (struct sigv4_header){ "x-amz-date", date };
	for (size_t i = 0; i < r->n_headers; i++)
		headers[s.n_headers++] = (struct sigv4_header){ r->headers[i].name, r->headers[i].value };
	if (sigv4_hash(r->body, r->body_len, hash, e) < 0 || sigv4_sign(&s, &authorization, e) < 0)
		return -1;
	for (size_t i = 0; i < s.n_headers; i++)
		ok = ok && add_header(&t->headers, headers[i].name, headers[i].value);
	if (s.session_token)
		ok = ok && add_header(&t->headers, "x-amz-security-token", s.session_token);
	ok = ok && add_header(&t->headers, "authorization", authorization.data) && aws_slist_add(&t->headers, "Expect:") &&
	     aws_slist_add(&t->headers, "Accept:");
	/* curl gives a POST a type of its own, which isn't signed. */
	if (r->body)
		ok = ok && aws_slist_add(&t->headers, "Content-Type:");
	return ok ? 0 : err_set(e, ERR_INTERNAL, "out of memory, or a line break in a header");
}

static CURLcode set_body(struct aws_transfer *t, const struct aws_request *r)
{
	CURLcode rc = CURLE_OK;

	if (r->body || !strcmp(r->method, "POST") || !strcmp(r->method, "PUT")) {
		rc |= curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
		rc |= curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->body ? t->body : "");
	}
	return rc | curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, r->method);
}

static int set_options(struct aws_transfer *t, const struct aws_request *r, const char *url, struct err *e)
{
	CURL *easy = t->easy;
	CURLcode rc = set_body(t, r);

	rc |= curl_easy_setopt(easy, CURLOPT_URL, url);
	rc |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers);
	rc |= curl_easy_setopt(easy, CURLOPT_TIMEOUT, r->timeout ? r->timeout : t->client->timeout);
	rc |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT);
	rc |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	rc |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	rc |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	rc |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	rc |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->detail);
	/*
	 * On a kept connection that turns out to be dead curl sends a request once
	 * more by itself, even a POST whose bytes may have arrived. On a new
	 * connection it never does.
	 */
	if (!r->retry) {
		rc |= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
		rc |= curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	}
	return rc == CURLE_OK ? 0 : err_set(e, ERR_INTERNAL, "curl refuses its options");
}

static void transfer_free(struct aws_transfer *t)
{
	if (!t)
		return;
	if (t->own_easy)
		curl_easy_cleanup(t->easy);
	else if (t->easy)
		curl_easy_reset(t->easy);
	curl_slist_free_all(t->headers);
	free(t->body);
	buf_free(&t->reply);
	aws_response_free(&t->head);
	free(t);
}

void aws_transfer_free(struct aws_transfer *t)
{
	transfer_free(t);
}

static inline void cleanup_transfer(struct aws_transfer **t)
{
	transfer_free(*t);
}
#define TRANSFER_CLEANUP __attribute__((cleanup(cleanup_transfer)))

/* `shared`: the client's own handle is used, else a new one. */
static struct aws_transfer *transfer_new(struct aws_client *c, const struct aws_request *r, bool shared, struct err *e)
{
	TRANSFER_CLEANUP struct aws_transfer *t = calloc(1, sizeof *t);
	const struct aws_endpoint *p = &c->endpoints[r->service];
	BUF_CLEANUP struct buf path = BUF_INIT, url = BUF_INIT;

	if (!t || (r->body && !(t->body = malloc(r->body_len + 1)))) {
		err_nomem(e);
		return NULL;
	}
	if (r->body)
		memcpy(t->body, r->body, r->body_len);
	t->client = c;
	t->service = r->service;
	t->reply.limit = r->limit ? r->limit : AWS_RESPONSE_LIMIT;
	if (shared && !c->easy)
		c->easy = curl_easy_init();
	t->own_easy = !shared;
	t->easy = shared ? c->easy : curl_easy_init();
	buf_printf(&path, "%s%s", p->path, r->path);
	buf_printf(&url, "%s%s%s%s", p->base, path.data ? path.data : "", r->query ? "?" : "", r->query ? r->query : "");
	if (!t->easy || path.failed || url.failed || !aws_easy_defaults(t->easy)) {
		err_nomem(e);
		return NULL;
	}
	if (refresh_credentials(c, e) < 0 || sign(t, r, path.data, e) < 0 || set_options(t, r, url.data, e) < 0)
		return NULL;
	return STEAL(t);
}

CURL *aws_easy_prepare(struct aws_client *c, const struct aws_request *r, struct aws_transfer **ret, struct err *e)
{
	struct aws_transfer *t = transfer_new(c, r, false, e);

	if (!t)
		return NULL;
	*ret = t;
	return t->easy;
}

bool aws_transfer_sent(const struct aws_transfer *t)
{
	long bytes = 0;

	return curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &bytes) != CURLE_OK || bytes > 0;
}

static int finish(struct aws_transfer *t, CURLcode result, struct aws_response *ret, struct err *e)
{
	long status = 0;

	if (t->reply.failed)
		return err_set(e, ERR_UPSTREAM, "%s: the reply is too large", aws_service_title(t->service));
	if (result != CURLE_OK)
		return aws_failure_curl(t->service, result, t->detail, e);
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	t->head.status = (int)status;
	t->head.body_len = t->reply.len;
	t->head.body = buf_steal(&t->reply);
	if (!t->head.body)
		return err_nomem(e);
	*ret = t->head;
	t->head = (struct aws_response){ 0 };
	if (ret->status >= 200 && ret->status < 300) {
		ret->error_type[0] = '\0';
		return 0;
	}
	return aws_failure(t->service, ret, e);
}

/* True if the reply tells that our clock is off by more than it was thought to be; it is taken over then. */
static bool correct_clock(struct aws_client *c, const struct aws_response *r)
{
	time_t offset;

	if (!aws_failure_is_clock(r) || !r->date)
		return false;
	offset = r->date - time(NULL);
	if (llabs((long long)(offset - c->clock_offset)) < SKEW_MIN)
		return false;
	c->clock_offset = offset;
	return true;
}

int aws_transfer_finish(struct aws_transfer *t, CURLcode result, struct aws_response *ret, struct err *e)
{
	int rc = finish(t, result, ret, e);

	if (rc < 0)
		ret->clock_corrected = correct_clock(t->client, ret);
	return rc;
}

static bool may_repeat(const struct aws_request *r, const struct aws_transfer *t, CURLcode result, const struct aws_response *ret)
{
	bool refused = result != CURLE_OK ? !aws_transfer_sent(t) : ret->status == 429;

	if (t->reply.failed)
		return false;
	if (refused)
		return r->retry || r->retry_refused;
	return r->retry && (result != CURLE_OK ? result != CURLE_OPERATION_TIMEDOUT : ret->status >= 500);
}

static void pause_before(int attempt, long retry_after)
{
	long ms = 200L << attempt;
	struct timespec t;

	if (retry_after > 0)
		ms = retry_after > PAUSE_MAX / 1000 ? PAUSE_MAX : retry_after * 1000;
	ms = ms > PAUSE_MAX ? PAUSE_MAX : ms;
	t = (struct timespec){ ms / 1000, ms % 1000 * 1000000 };
	nanosleep(&t, NULL);
}

int aws_call(struct aws_client *c, const struct aws_request *r, struct aws_response *ret, struct err *e)
{
	bool clock_corrected = false;

	for (int attempt = 0;; attempt++) {
		TRANSFER_CLEANUP struct aws_transfer *t = transfer_new(c, r, true, e);
		CURLcode result;

		if (!t)
			return -1;
		result = curl_easy_perform(t->easy);
		if (finish(t, result, ret, e) == 0)
			return 0;
		if (!clock_corrected && (r->retry || r->retry_refused) && correct_clock(c, ret)) {
			clock_corrected = true;
		} else if (attempt + 1 < TRIES && may_repeat(r, t, result, ret)) {
			pause_before(attempt, ret->retry_after);
		} else {
			return -1;
		}
		aws_response_free(ret);
	}
}
