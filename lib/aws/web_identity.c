#include "lib/aws/web_identity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/credentials_parse.h"
#include "lib/aws/easy.h"
#include "lib/aws/endpoint.h"
#include "lib/aws/sigv4.h"
#include "lib/cleanup.h"

#define TOKEN_MAX 65536
#define REPLY_MAX (64u << 10)

/* The text of the first <tag>; free(). STS escapes nothing in the values read here. */
static char *element(const char *xml, const char *tag)
{
	BUF_CLEANUP struct buf open = BUF_INIT;
	const char *at;

	buf_printf(&open, "<%s>", tag);
	at = open.failed ? NULL : strstr(xml, open.data);
	return at ? strndup(at + open.len, strcspn(at + open.len, "<")) : NULL;
}

int aws_web_identity_parse(const char *xml, struct aws_credentials *ret, struct err *e)
{
	CLEANUP_FREE char *id = element(xml, "AccessKeyId"), *secret = element(xml, "SecretAccessKey");
	CLEANUP_FREE char *token = element(xml, "SessionToken"), *expiration = element(xml, "Expiration");
	CLEANUP_FREE char *message = element(xml, "Message");
	time_t expires = expiration ? aws_time_parse(expiration) : -1;

	if (!id || !secret || expires < 0)
		return err_set(e, ERR_UNAUTHORIZED, "AWS credentials by web identity: %s", message ? message : "STS gave none");
	return aws_credentials_set(ret, id, secret, token, expires, e);
}

static int read_token(const char *path, struct buf *ret, struct err *e)
{
	CLEANUP_FCLOSE FILE *f = fopen(path, "re");
	char *data = malloc(TOKEN_MAX);
	size_t len = f && data ? fread(data, 1, TOKEN_MAX, f) : 0;

	buf_append(ret, data, len && data ? len : 0);
	free(data);
	if (!f || !len || ret->failed)
		return err_set(e, ERR_UNAUTHORIZED, "%s: can't be read", path);
	ret->data[strcspn(ret->data, "\r\n")] = '\0';
	return 0;
}

static void add_field(struct buf *form, const char *name, const char *value)
{
	buf_printf(form, "&%s=", name);
	sigv4_escape(form, value, false);
}

static size_t collect(char *data, size_t size, size_t n, void *arg)
{
	struct buf *b = arg;

	buf_append(b, data, size * n);
	return b->failed ? 0 : size * n;
}

static int post(const char *url, const char *form, struct buf *reply, struct err *e)
{
	EASY_CLEANUP CURL *easy = curl_easy_init();
	CURLcode rc = CURLE_OK;

	if (!easy || !aws_easy_defaults(easy))
		return err_nomem(e);
	rc |= curl_easy_setopt(easy, CURLOPT_URL, url);
	rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, form);
	rc |= curl_easy_setopt(easy, CURLOPT_TIMEOUT, 5L);
	rc |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect);
	rc |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, reply);
	rc = rc == CURLE_OK ? curl_easy_perform(easy) : rc;
	return rc == CURLE_OK ? 0 : err_set(e, ERR_UNAUTHORIZED, "AWS credentials from %s: %s", url, curl_easy_strerror(rc));
}

static int sts_url(struct buf *ret, struct err *e)
{
	const char *named = getenv("AWS_ENDPOINT_URL_STS");
	CLEANUP_FREE char *region = NULL;

	if (!named || !*named)
		named = getenv("AWS_ENDPOINT_URL");
	if (named && *named) {
		buf_puts(ret, named);
		if (ret->len && ret->data[ret->len - 1] != '/')
			buf_putc(ret, '/');
	} else {
		if (aws_region_find(&region, e) < 0)
			return -1;
		buf_printf(ret, "https://sts.%s.amazonaws.com%s/", region, strncmp(region, "cn-", 3) ? "" : ".cn");
	}
	return ret->failed ? err_nomem(e) : 0;
}

int aws_web_identity(struct aws_credentials *ret, struct err *e)
{
	const char *path = getenv("AWS_WEB_IDENTITY_TOKEN_FILE");
	const char *role = getenv("AWS_ROLE_ARN");
	const char *session = getenv("AWS_ROLE_SESSION_NAME");
	BUF_CLEANUP struct buf token = BUF_INIT, form = BUF_INIT, url = BUF_INIT;
	BUF_CLEANUP struct buf reply = BUF_LIMITED(REPLY_MAX);

	if (!path || !*path)
		return 0;
	if (!role || !*role)
		return err_set(e, ERR_UNAUTHORIZED, "AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not");
	if (read_token(path, &token, e) < 0 || sts_url(&url, e) < 0)
		return -1;
	buf_puts(&form, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15");
	add_field(&form, "RoleArn", role);
	add_field(&form, "RoleSessionName", session && *session ? session : "sockerless");
	add_field(&form, "WebIdentityToken", token.data);
	if (form.failed)
		return err_nomem(e);
	if (post(url.data, form.data, &reply, e) < 0)
		return -1;
	return aws_web_identity_parse(reply.data ? reply.data : "", ret, e) < 0 ? -1 : 1;
}
