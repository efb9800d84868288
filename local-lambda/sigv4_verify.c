#include "local-lambda/sigv4_verify.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/ids.h"

#define PARAMETERS_MAX 64
#define ALGORITHM "AWS4-HMAC-SHA256"

/* The parts of the Authorization header, in a copy that they point into. */
struct authorization {
	char *text;
	char *key_id, *date, *region, *service, *terminator;
	char *signed_headers;
	char *signature;
};

static int refuse(struct sigv4_failure *why, const char *type, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int refuse(struct sigv4_failure *why, const char *type, const char *fmt, ...)
{
	va_list ap;

	why->type = type;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof why->text, fmt, ap);
	va_end(ap);
	return -1;
}

static int internal(struct sigv4_failure *why)
{
	return refuse(why, "ServiceException", "the signature can't be computed");
}

static void authorization_free(struct authorization *a)
{
	free(a->text);
}

static int parse_scope(struct authorization *a, char *credential, struct sigv4_failure *why)
{
	char **parts[] = { &a->key_id, &a->date, &a->region, &a->service, &a->terminator };

	for (size_t i = 0; i < 5; i++)
		*parts[i] = strsep(&credential, "/");
	if (!a->terminator || credential || strcmp(a->terminator, "aws4_request"))
		return refuse(why, "IncompleteSignatureException", "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term");
	return 0;
}

static int parse_authorization(const char *header, struct authorization *a, struct sigv4_failure *why)
{
	char *credential = NULL, *rest, *part;

	a->text = strdup(header);
	if (!a->text)
		return internal(why);
	if (strncmp(a->text, ALGORITHM " ", sizeof ALGORITHM))
		return refuse(why, "IncompleteSignatureException", "Unsupported AWS 'algorithm'");
	rest = a->text + sizeof ALGORITHM;
	while ((part = strsep(&rest, ","))) {
		part += strspn(part, " ");
		if (!strncmp(part, "Credential=", 11))
			credential = part + 11;
		else if (!strncmp(part, "SignedHeaders=", 14))
			a->signed_headers = part + 14;
		else if (!strncmp(part, "Signature=", 10))
			a->signature = part + 10;
	}
	if (!credential || !a->signed_headers || !a->signature)
		return refuse(why, "IncompleteSignatureException", "Authorization header requires 'Credential', 'Signature' and 'SignedHeaders' parameters.");
	return parse_scope(a, credential, why);
}

static int check_date(const char *date, const struct authorization *a, int64_t now, struct sigv4_failure *why)
{
	struct tm tm = { 0 };
	char shown[32];
	const char *end = date ? strptime(date, "%Y%m%dT%H%M%SZ", &tm) : NULL;
	time_t sent, current = (time_t)now;

	if (!end || *end || strlen(date) != 16)
		return refuse(why, "IncompleteSignatureException", "Date must be in ISO-8601 'basic format'. Got '%.64s'.", date ? date : "");
	if (strlen(a->date) != 8 || strncmp(a->date, date, 8))
		return refuse(why, "InvalidSignatureException", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%.16s' != '%.8s'.", a->date, date);
	sent = timegm(&tm);
	gmtime_r(&current, &tm);
	strftime(shown, sizeof shown, "%Y%m%dT%H%M%SZ", &tm);
	if (sent < current - SIGV4_SKEW_SECONDS)
		return refuse(why, "InvalidSignatureException", "Signature expired: %s is now earlier than %s - 5 min.", date, shown);
	if (sent > current + SIGV4_SKEW_SECONDS)
		return refuse(why, "InvalidSignatureException", "Signature not yet current: %s is still later than %s + 5 min.", date, shown);
	return 0;
}

static int check_scope(const struct request *r, const struct authorization *a, const struct sigv4_expected *x, struct sigv4_failure *why)
{
	const char *token = request_header(r, "x-amz-security-token");
	bool token_right = *x->session_token ? token && !strcmp(token, x->session_token) : !token;

	if (strcmp(a->key_id, x->access_key_id) || !token_right)
		return refuse(why, "UnrecognizedClientException", "The security token included in the request is invalid.");
	if (strcmp(a->region, x->region))
		return refuse(why, "InvalidSignatureException", "Credential should be scoped to a valid region, not '%.64s'. ", a->region);
	if (strcmp(a->service, x->service))
		return refuse(why, "InvalidSignatureException", "Credential should be scoped to correct service: '%s'. ", x->service);
	return 0;
}

static bool is_signed(const struct authorization *a, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = a->signed_headers; *p;) {
		size_t n = strcspn(p, ";");

		if (n == len && !memcmp(p, name, n))
			return true;
		p += n + (p[n] == ';');
	}
	return false;
}

static int check_signed_headers(const struct request *r, const struct authorization *a, struct sigv4_failure *why)
{
	if (!is_signed(a, "host"))
		return refuse(why, "InvalidSignatureException", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
	for (size_t i = 0; i < r->header_count; i++)
		if (!strncmp(r->headers[i].name, "x-amz-", 6) && !is_signed(a, r->headers[i].name))
			return refuse(why, "InvalidSignatureException", "'%.64s' must be a 'SignedHeader' in the AWS Authorization.", r->headers[i].name);
	return 0;
}

static void append_encoded(struct buf *out, const char *text, size_t len, bool keep_slash)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (isalnum(c) || (c && strchr("-_.~", c)) || (keep_slash && c == '/'))
			buf_putc(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "key\1value", each decoded and encoded anew: \1 sorts before every character that is left then. */
static char *canonical_parameter(const char *text, size_t len)
{
	size_t key_len = strcspn(text, "&=");
	BUF_CLEANUP struct buf out = BUF_INIT;
	CLEANUP_FREE char *key = percent_decode(text, key_len);
	CLEANUP_FREE char *value = key_len < len ? percent_decode(text + key_len + 1, len - key_len - 1) : strdup("");

	if (!key || !value)
		return NULL;
	append_encoded(&out, key, strlen(key), false);
	buf_putc(&out, '\1');
	append_encoded(&out, value, strlen(value), false);
	return buf_steal(&out);
}

static bool append_query(struct buf *out, const char *query)
{
	char *parameters[PARAMETERS_MAX];
	size_t count = 0;
	bool ok = true;

	for (const char *p = query; *p && ok;) {
		size_t n = strcspn(p, "&");

		if (n) {
			parameters[count] = canonical_parameter(p, n);
			ok = parameters[count] && ++count < PARAMETERS_MAX;
		}
		p += n + (p[n] == '&');
	}
	qsort(parameters, count, sizeof *parameters, compare_texts);
	for (size_t i = 0; i < count; i++) {
		*strchr(parameters[i], '\1') = '=';
		buf_printf(out, "%s%s", i ? "&" : "", parameters[i]);
		free(parameters[i]);
	}
	return ok;
}

/* Trimmed, runs of spaces made one; several headers of a name joined by commas. */
static bool append_header(struct buf *out, const struct request *r, const char *name, size_t len)
{
	bool found = false;

	for (size_t i = 0; i < r->header_count; i++) {
		const char *v = r->headers[i].value;

		if (strlen(r->headers[i].name) != len || strncmp(r->headers[i].name, name, len))
			continue;
		if (found)
			buf_putc(out, ',');
		else
			buf_printf(out, "%.*s:", (int)len, name);
		found = true;
		v += strspn(v, " \t");
		for (; *v; v++)
			if (*v != ' ' || (v[1] && v[1] != ' '))
				buf_putc(out, *v);
	}
	buf_putc(out, '\n');
	return found;
}

static bool append_headers(struct buf *out, const struct request *r, const char *names)
{
	for (const char *p = names; *p;) {
		size_t n = strcspn(p, ";");

		if (!append_header(out, r, p, n))
			return false;
		p += n + (p[n] == ';');
	}
	return true;
}

static void hash_hex(char hex[65], const void *data, size_t len)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	SHA256(len ? data : "", len, digest);
	hex_encode(hex, digest, sizeof digest);
}

static bool canonical_request(struct buf *out, const struct request *r, const struct authorization *a)
{
	char payload[65];

	hash_hex(payload, r->body.data, r->body.len);
	buf_printf(out, "%s\n", r->method);
	append_encoded(out, r->path, strlen(r->path), true);
	buf_putc(out, '\n');
	if (!append_query(out, r->query))
		return false;
	buf_putc(out, '\n');
	if (!append_headers(out, r, a->signed_headers))
		return false;
	buf_printf(out, "\n%s\n%s", a->signed_headers, payload);
	return !out->failed;
}

static bool hmac(unsigned char key[32], size_t key_len, const void *key_data, const char *text)
{
	unsigned len = 32;
	unsigned char out[32];

	if (!HMAC(EVP_sha256(), key_data, (int)key_len, (const unsigned char *)text, strlen(text), out, &len))
		return false;
	memcpy(key, out, 32);
	return true;
}

static bool signature_of(char hex[65], const char *date, const struct authorization *a, const char *secret, const char *canonical, size_t len)
{
	BUF_CLEANUP struct buf to_sign = BUF_INIT, first = BUF_INIT;
	unsigned char key[32];
	char digest[65];

	hash_hex(digest, canonical, len);
	buf_printf(&to_sign, ALGORITHM "\n%s\n%s/%s/%s/aws4_request\n%s", date, a->date, a->region, a->service, digest);
	buf_printf(&first, "AWS4%s", secret);
	if (to_sign.failed || first.failed || !hmac(key, first.len, first.data, a->date) || !hmac(key, 32, key, a->region) ||
	    !hmac(key, 32, key, a->service) || !hmac(key, 32, key, "aws4_request") || !hmac(key, 32, key, to_sign.data))
		return false;
	hex_encode(hex, key, sizeof key);
	return true;
}

static int check_payload(const struct request *r, struct sigv4_failure *why)
{
	const char *claimed = request_header(r, "x-amz-content-sha256");
	char actual[65];

	hash_hex(actual, r->body.data, r->body.len);
	if (claimed && strcmp(claimed, actual))
		return refuse(why, "InvalidSignatureException", "The provided 'x-amz-content-sha256' header does not match what was computed.");
	return 0;
}

int sigv4_verify(const struct request *r, const struct sigv4_expected *x, struct sigv4_failure *why)
{
	const char *header = request_header(r, "authorization");
	const char *date = request_header(r, "x-amz-date");
	__attribute__((cleanup(authorization_free))) struct authorization a = { 0 };
	BUF_CLEANUP struct buf canonical = BUF_INIT;
	char signature[65];

	if (!header)
		return refuse(why, "MissingAuthenticationTokenException", "Missing Authentication Token");
	if (parse_authorization(header, &a, why) < 0 || check_scope(r, &a, x, why) < 0 || check_date(date, &a, x->now, why) < 0 ||
	    check_signed_headers(r, &a, why) < 0 || check_payload(r, why) < 0)
		return -1;
	if (!canonical_request(&canonical, r, &a) || strlen(a.signature) != 64 ||
	    !signature_of(signature, date, &a, x->secret_access_key, canonical.data, canonical.len) ||
	    CRYPTO_memcmp(signature, a.signature, 64))
		return refuse(why, "InvalidSignatureException", "The request signature we calculated does not match the signature you provided. "
			      "Check your AWS Secret Access Key and signing method. Consult the service documentation for details.");
	return 0;
}
