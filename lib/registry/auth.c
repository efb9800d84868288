#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/transport.h"
#include "lib/secret.h"

#define TOKEN_REPLY_MAX (256u << 10)
#define TOKEN_TIMEOUT 15L /* seconds: dockerd's */

char *registry_challenge_value(const char *challenge, const char *key)
{
	size_t len = strlen(key);
	const char *at = challenge + strcspn(challenge, " ");

	while (*at) {
		const char *name, *value;
		size_t name_len, value_len;

		at += strspn(at, " ,\t");
		name = at;
		name_len = strcspn(at, "=,");
		at += name_len;
		if (*at != '=')
			continue;
		at++;
		if (*at == '"') {
			value = ++at;
			value_len = strcspn(at, "\"");
			at += value_len;
			at += *at == '"';
		} else {
			value = at;
			value_len = strcspn(at, ", ");
			at += value_len;
		}
		if (name_len == len && !strncasecmp(name, key, len))
			return strndup(value, value_len);
	}
	return NULL;
}

static char *basic_value(const struct registry *r)
{
	BUF_CLEANUP struct buf pair = BUF_INIT, out = BUF_INIT;
	size_t cap;

	buf_printf(&pair, "%s:%s", r->user, r->password ? r->password : "");
	cap = 4 * ((pair.len + 2) / 3) + 1;
	buf_puts(&out, "Basic ");
	if (pair.failed || pair.len > 65536 || !buf_reserve(&out, cap))
		return NULL;
	out.len += (size_t)EVP_EncodeBlock((unsigned char *)out.data + out.len, (unsigned char *)pair.data, (int)pair.len);
	return buf_steal(&out);
}


static size_t collect(char *data, size_t size, size_t n, void *arg)
{
	struct buf *b = arg;

	buf_append(b, data, size * n);
	return b->failed ? 0 : size * n;
}

static void append_escaped(struct buf *b, const char *key, const char *value, char separator)
{
	char *text = curl_easy_escape(NULL, value, 0);

	if (text)
		buf_printf(b, "%c%s=%s", separator, key, text);
	else
		b->failed = true;
	curl_free(text);
}

static void append_scope(struct buf *b, const struct registry *r, char separator)
{
	BUF_CLEANUP struct buf scope = BUF_INIT;

	buf_printf(&scope, "repository:%s:%s", r->repository, r->push ? "pull,push" : "pull");
	append_escaped(b, "scope", scope.data ? scope.data : "", separator);
	if (r->extra_scope) {
		buf_reset(&scope);
		buf_printf(&scope, "repository:%s:pull", r->extra_scope);
		append_escaped(b, "scope", scope.data ? scope.data : "", '&');
	}
}

/* GET realm?service=..&scope=.. with Basic, or, with an identity token, an OAuth2 POST. */
static int ask_token(struct registry *r, const char *realm, const char *service, struct buf *reply, long *ret_status, struct err *e)
{
	BUF_CLEANUP struct buf url = BUF_INIT, form = BUF_INIT, line = BUF_INIT;
	CLEANUP_FREE char *basic = NULL;
	struct curl_slist *headers = NULL;
	CURL *easy = curl_easy_init();
	CURLcode rc = CURLE_OK;
	int result = 0;

	buf_puts(&url, realm);
	if (r->token) {
		buf_puts(&form, "grant_type=refresh_token&client_id=sockerless");
		append_escaped(&form, "refresh_token", r->token, '&');
		append_escaped(&form, "service", service, '&');
		append_scope(&form, r, '&');
	} else {
		append_escaped(&url, "service", service, strchr(realm, '?') ? '&' : '?');
		append_scope(&url, r, '&');
		if (r->user)
			append_escaped(&url, "account", r->user, '&');
		if (r->user && r->login)
			buf_puts(&url, "&client_id=sockerless&offline_token=true");
	}
	if (!r->token && r->user) {
		basic = basic_value(r);
		buf_printf(&line, "Authorization: %s", basic ? basic : "");
		headers = curl_slist_append(NULL, line.data ? line.data : "");
	}
	if (!easy || url.failed || form.failed || (r->user && !r->token && (!basic || !headers)) || !registry_easy_defaults(r, easy)) {
		result = err_nomem(e);
		goto out;
	}
	rc |= curl_easy_setopt(easy, CURLOPT_URL, url.data);
	rc |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	rc |= curl_easy_setopt(easy, CURLOPT_TIMEOUT, TOKEN_TIMEOUT);
	rc |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect);
	rc |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, reply);
	if (form.len)
		rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, form.data);
	rc = rc == CURLE_OK ? curl_easy_perform(easy) : rc;
	if (rc != CURLE_OK)
		result = registry_failure_curl(easy, rc, form.len ? "POST" : "GET", url.data, e);
	else
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, ret_status);
out:
	curl_slist_free_all(headers);
	curl_easy_cleanup(easy);
	return result;
}

static int use_token(struct registry *r, const char *token, struct err *e)
{
	BUF_CLEANUP struct buf value = BUF_INIT;

	buf_printf(&value, "Bearer %s", token);
	free_secret(r->authorization);
	r->authorization = buf_steal(&value);
	return r->authorization ? 0 : err_nomem(e);
}

/* A login's identity token, or a newer one in place of that which was used. */
static int keep_identity(struct registry *r, const char *token, struct err *e)
{
	char *copy;

	if (!*token || (!r->login && !r->token))
		return 0;
	copy = strdup(token);
	if (!copy)
		return err_nomem(e);
	free_secret(r->token);
	r->token = copy;
	return 0;
}

static int take_token(struct registry *r, const struct buf *body, struct err *e)
{
	CLEANUP_JSON struct json_object *o = NULL;
	const char *token;

	if (json_parse(body->data ? body->data : "", body->len, &o, NULL) < 0)
		return err_set(e, ERR_INTERNAL, "the authorization server's answer is no JSON");
	token = json_str(o, "token", json_str(o, "access_token", ""));
	if (!*token || strpbrk(token, "\r\n"))
		return err_set(e, ERR_INTERNAL, "authorization server did not include a token in the response");
	return keep_identity(r, json_str(o, "refresh_token", ""), e) < 0 ? -1 : use_token(r, token, e);
}

static int bearer(struct registry *r, struct err *e)
{
	CLEANUP_FREE char *realm = registry_challenge_value(r->challenge, "realm");
	CLEANUP_FREE char *service = registry_challenge_value(r->challenge, "service");
	BUF_CLEANUP struct buf reply = BUF_LIMITED(TOKEN_REPLY_MAX);
	long status = 0;

	if (r->bearer)
		return strpbrk(r->bearer, "\r\n") ? err_set(e, ERR_INVALID, "the registry token holds a line break") : use_token(r, r->bearer, e);
	/* A password isn't sent in the clear because a registry reached by TLS asks for it. */
	if (!realm || (strncmp(realm, "https://", 8) && (strncmp(realm, "http://", 7) || !strncmp(r->base, "https:", 6))))
		return err_set(e, ERR_INTERNAL, "the registry's challenge names no usable realm");
	if (ask_token(r, realm, service ? service : "", &reply, &status, e) < 0)
		return -1;
	if (status == 401 || status == 403)
		return err_set(e, ERR_UNAUTHORIZED, "Get \"%s/v2/\": unauthorized: %s", r->base,
			       r->user || r->token ? "incorrect username or password" : "authentication required");
	if (status < 200 || status > 299)
		return err_set(e, ERR_INTERNAL, "the authorization server answered with status %ld", status);
	return take_token(r, &reply, e);
}

int registry_authenticate(struct registry *r, struct err *e)
{
	if (!strncasecmp(r->challenge, "Bearer ", 7))
		return bearer(r, e);
	if (strncasecmp(r->challenge, "Basic", 5) != 0)
		return err_set(e, ERR_INTERNAL, "the registry wants an unknown kind of authentication");
	if (!r->user)
		return err_set(e, ERR_UNAUTHORIZED, "Get \"%s/v2/\": no basic auth credentials", r->base);
	free_secret(r->authorization);
	r->authorization = basic_value(r);
	return r->authorization ? 0 : err_nomem(e);
}
