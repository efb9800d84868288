#include "lib/aws/sigv4.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/ids.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define SCOPE_END "aws4_request"
#define HASH_LEN 32

void sigv4_date(time_t t, char ret_date[SIGV4_DATE_SIZE])
{
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(ret_date, SIGV4_DATE_SIZE, "%Y%m%dT%H%M%SZ", &tm) == 0)
		memcpy(ret_date, "19700101T000000Z", SIGV4_DATE_SIZE);
}

int sigv4_hash(const void *data, size_t len, char ret_hash[SIGV4_HASH_SIZE], struct err *e)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int n;

	if (EVP_Digest(len ? data : "", len, hash, &n, EVP_sha256(), NULL) != 1 || n != HASH_LEN)
		return err_set(e, ERR_INTERNAL, "SHA-256 failed");
	hex_encode(ret_hash, hash, n);
	return 0;
}

static void escape(struct buf *b, const char *text, size_t len, bool keep_slash)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 128 && isalnum(c)) || (c && strchr("-._~", c)) || (c == '/' && keep_slash))
			buf_putc(b, (char)c);
		else
			buf_printf(b, "%%%02X", c);
	}
}

void sigv4_escape(struct buf *b, const char *text, bool keep_slash)
{
	escape(b, text, strlen(text), keep_slash);
}

/* A parameter as it is sorted: escaped key and value, both within one string. */
struct pair {
	char *key;
	char *value;
};

static void free_pairs(struct pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(pairs[i].key);
		free(pairs[i].value);
	}
}

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	return order ? order : strcmp(x->value, y->value);
}

/* Undoes the wire's escapes and makes the canonical ones, so that %2f, %2F and a raw byte all sign alike. */
static char *normalize(const char *text, size_t len)
{
	BUF_CLEANUP struct buf raw = BUF_INIT;
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < len; i++) {
		char hex[3] = { 0 };
		unsigned char byte;

		if (text[i] == '%' && len - i > 2) {
			memcpy(hex, text + i + 1, 2);
			if (hex_decode(&byte, 1, hex)) {
				buf_putc(&raw, (char)byte);
				i += 2;
				continue;
			}
		}
		buf_putc(&raw, text[i]);
	}
	if (raw.failed)
		return NULL;
	escape(&b, raw.data ? raw.data : "", raw.len, false);
	return buf_steal(&b);
}

static int append_query(const char *query, struct buf *ret, struct err *e)
{
	struct pair pairs[SIGV4_QUERY_MAX];
	size_t n = 0;
	int rc = -1;

	while (*query) {
		size_t len = strcspn(query, "&");
		size_t key = strcspn(query, "=&");

		if (n == SIGV4_QUERY_MAX)
			goto too_many;
		pairs[n].key = normalize(query, key);
		pairs[n].value = key < len ? normalize(query + key + 1, len - key - 1) : strdup("");
		n++;
		if (!pairs[n - 1].key || !pairs[n - 1].value) {
			err_nomem(e);
			goto out;
		}
		query += len;
		query += *query == '&';
	}
	qsort(pairs, n, sizeof *pairs, compare_pairs);
	for (size_t i = 0; i < n; i++)
		buf_printf(ret, "%s%s=%s", i ? "&" : "", pairs[i].key, pairs[i].value);
	rc = 0;
	goto out;
too_many:
	err_set(e, ERR_INVALID, "more than %d query parameters to sign", SIGV4_QUERY_MAX);
out:
	free_pairs(pairs, n);
	return rc;
}

/* The headers to sign, those we add included, sorted by name; equal names keep their order. */
struct header_list {
	struct sigv4_header headers[SIGV4_HEADERS_MAX + 2];
	size_t n;
	char date[SIGV4_DATE_SIZE];
};

static bool has_header(const struct header_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcasecmp(l->headers[i].name, name))
			return true;
	return false;
}

static int list_headers(const struct sigv4_request *r, struct header_list *l, struct err *e)
{
	l->n = 0;
	if (r->n_headers > SIGV4_HEADERS_MAX)
		return err_set(e, ERR_INVALID, "more than %d headers to sign", SIGV4_HEADERS_MAX);
	for (size_t i = 0; i < r->n_headers; i++)
		l->headers[l->n++] = r->headers[i];
	sigv4_date(r->time, l->date);
	if (!has_header(l, "x-amz-date"))
		l->headers[l->n++] = (struct sigv4_header){ "x-amz-date", l->date };
	if (r->session_token && !has_header(l, "x-amz-security-token"))
		l->headers[l->n++] = (struct sigv4_header){ "x-amz-security-token", r->session_token };
	/* Insertion sort: stable, and the list is short. */
	for (size_t i = 1; i < l->n; i++) {
		struct sigv4_header h = l->headers[i];
		size_t at = i;

		for (; at > 0 && strcasecmp(l->headers[at - 1].name, h.name) > 0; at--)
			l->headers[at] = l->headers[at - 1];
		l->headers[at] = h;
	}
	return 0;
}

static void append_lower(struct buf *b, const char *text)
{
	for (; *text; text++)
		buf_putc(b, (char)tolower((unsigned char)*text));
}

/* Without spaces at the ends, and with one space for each run of them. */
static void append_value(struct buf *b, const char *value)
{
	size_t len = strlen(value);

	while (len && isspace((unsigned char)value[len - 1]))
		len--;
	while (len && isspace((unsigned char)*value)) {
		value++;
		len--;
	}
	for (size_t i = 0; i < len; i++)
		if (value[i] != ' ' || value[i - 1] != ' ')
			buf_putc(b, value[i]);
}

static bool same_as_before(const struct header_list *l, size_t i)
{
	return i > 0 && !strcasecmp(l->headers[i].name, l->headers[i - 1].name);
}

static void append_headers(const struct header_list *l, struct buf *b)
{
	for (size_t i = 0; i < l->n; i++) {
		if (same_as_before(l, i)) {
			buf_putc(b, ',');
		} else {
			if (i)
				buf_putc(b, '\n');
			append_lower(b, l->headers[i].name);
			buf_putc(b, ':');
		}
		append_value(b, l->headers[i].value);
	}
	buf_putc(b, '\n');
}

static void append_signed_names(const struct header_list *l, struct buf *b)
{
	for (size_t i = 0; i < l->n; i++) {
		if (same_as_before(l, i))
			continue;
		if (i)
			buf_putc(b, ';');
		append_lower(b, l->headers[i].name);
	}
}

static int canonical(const struct sigv4_request *r, const struct header_list *l, struct buf *b, struct err *e)
{
	buf_printf(b, "%s\n", r->method);
	sigv4_escape(b, r->path && *r->path ? r->path : "/", true);
	buf_putc(b, '\n');
	if (append_query(r->query ? r->query : "", b, e) < 0)
		return -1;
	buf_putc(b, '\n');
	append_headers(l, b);
	buf_putc(b, '\n');
	append_signed_names(l, b);
	buf_printf(b, "\n%s", r->payload_hash);
	return b->failed ? err_nomem(e) : 0;
}

int sigv4_canonical(const struct sigv4_request *r, struct buf *ret, struct err *e)
{
	struct header_list l;

	if (list_headers(r, &l, e) < 0)
		return -1;
	return canonical(r, &l, ret, e);
}

static int hmac(const void *key, size_t key_len, const char *text, unsigned char ret[HASH_LEN], struct err *e)
{
	unsigned int n;

	if (!HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, strlen(text), ret, &n) || n != HASH_LEN)
		return err_set(e, ERR_INTERNAL, "HMAC failed");
	return 0;
}

static int signing_key(const struct sigv4_request *r, const char *day, unsigned char key[HASH_LEN], struct err *e)
{
	BUF_CLEANUP struct buf secret = BUF_INIT;
	const char *const steps[] = { r->region, r->service, SCOPE_END };

	buf_printf(&secret, "AWS4%s", r->secret_access_key);
	if (secret.failed)
		return err_nomem(e);
	if (hmac(secret.data, secret.len, day, key, e) < 0)
		return -1;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		unsigned char next[HASH_LEN];

		if (hmac(key, HASH_LEN, steps[i], next, e) < 0)
			return -1;
		memcpy(key, next, HASH_LEN);
	}
	OPENSSL_cleanse(secret.data, secret.len);
	return 0;
}

int sigv4_sign(const struct sigv4_request *r, struct buf *ret_authorization, struct err *e)
{
	BUF_CLEANUP struct buf text = BUF_INIT;
	BUF_CLEANUP struct buf to_sign = BUF_INIT;
	unsigned char key[HASH_LEN], signature[HASH_LEN];
	char hash[SIGV4_HASH_SIZE], hex[SIGV4_HASH_SIZE], day[9];
	struct header_list l;

	if (list_headers(r, &l, e) < 0 || canonical(r, &l, &text, e) < 0 || sigv4_hash(text.data, text.len, hash, e) < 0)
		return -1;
	memcpy(day, l.date, 8);
	day[8] = '\0';
	buf_printf(&to_sign, ALGORITHM "\n%s\n%s/%s/%s/" SCOPE_END "\n%s", l.date, day, r->region, r->service, hash);
	if (to_sign.failed)
		return err_nomem(e);
	if (signing_key(r, day, key, e) < 0 || hmac(key, HASH_LEN, to_sign.data, signature, e) < 0)
		return -1;
	hex_encode(hex, signature, HASH_LEN);
	buf_printf(ret_authorization, ALGORITHM " Credential=%s/%s/%s/%s/" SCOPE_END ", SignedHeaders=", r->access_key_id, day,
		   r->region, r->service);
	append_signed_names(&l, ret_authorization);
	buf_printf(ret_authorization, ", Signature=%s", hex);
	return ret_authorization->failed ? err_nomem(e) : 0;
}
