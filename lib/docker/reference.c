#include "lib/docker/reference.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/ids.h"

#define DEFAULT_DOMAIN "docker.io"
#define LEGACY_DOMAIN "index.docker.io"
#define OFFICIAL "library/"
#define NAME_MAX_LEN 255
#define TAG_MAX_LEN 128

void reference_free(struct reference *r)
{
	free(r->domain);
	free(r->path);
	free(r->tag);
	free(r->digest);
	*r = (struct reference){ 0 };
}

static bool is_lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_word(char c)
{
	return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_';
}

/* [a-z0-9]+ parts joined by one '.', one or two '_', or any number of '-'. */
static bool component_valid(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && is_lower_or_digit(text[i])) {
		size_t start;

		while (i < len && is_lower_or_digit(text[i]))
			i++;
		if (i == len)
			return true;
		start = i;
		while (i < len && text[i] == text[start] && strchr("._-", text[i]))
			i++;
		if (i == start || (text[start] == '.' && i - start > 1) || (text[start] == '_' && i - start > 2))
			return false;
	}
	return false;
}

static bool path_valid(const char *path)
{
	for (;;) {
		size_t len = strcspn(path, "/");

		if (!component_valid(path, len))
			return false;
		if (!path[len])
			return true;
		path += len + 1;
	}
}

static bool is_alnum(char c)
{
	return is_word(c) && c != '_';
}

static bool host_valid(const char *host, size_t len)
{
	if (len > 2 && *host == '[' && host[len - 1] == ']') {
		for (size_t i = 1; i < len - 1; i++)
			if (!isxdigit((unsigned char)host[i]) && host[i] != ':')
				return false;
		return true;
	}
	for (size_t start = 0; start <= len;) {
		size_t end = start;

		while (end < len && host[end] != '.')
			end++;
		if (end == start || !is_alnum(host[start]) || !is_alnum(host[end - 1]))
			return false;
		for (size_t i = start; i < end; i++)
			if (!is_alnum(host[i]) && host[i] != '-')
				return false;
		start = end + 1;
	}
	return true;
}

static bool domain_valid(const char *domain)
{
	const char *colon = *domain == '[' ? strstr(domain, "]:") : strchr(domain, ':');
	size_t len = strlen(domain);

	if (colon && *domain == '[')
		colon++;
	if (colon) {
		size_t digits = strspn(colon + 1, "0123456789");

		if (!digits || colon[1 + digits])
			return false;
		len = (size_t)(colon - domain);
	}
	return host_valid(domain, len);
}

bool reference_tag_valid(const char *tag)
{
	size_t len = strlen(tag);

	if (!len || len > TAG_MAX_LEN || !is_word(*tag))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!is_word(tag[i]) && tag[i] != '.' && tag[i] != '-')
			return false;
	return true;
}

static int bad_format(struct err *e)
{
	return err_set(e, ERR_INVALID, "invalid reference format");
}

static int digest_check(const char *digest, struct err *e)
{
	const char *colon = strchr(digest, ':');
	size_t hex;

	if (!colon || colon == digest || !isalpha((unsigned char)*digest))
		return bad_format(e);
	hex = strspn(colon + 1, "0123456789abcdefABCDEF");
	if (hex < 32 || colon[1 + hex])
		return bad_format(e);
	if (strncmp(digest, "sha256:", 7) != 0)
		return err_set(e, ERR_INVALID, "unsupported digest algorithm");
	if (hex != 64)
		return err_set(e, ERR_INVALID, "invalid checksum digest length");
	if (!hex_is(colon + 1, 64))
		return err_set(e, ERR_INVALID, "invalid checksum digest format");
	return 0;
}

/* As dockerd decides whether what stands before the first '/' is a registry. */
static bool starts_with_domain(const char *text, size_t len)
{
	if (len == strlen("localhost") && !strncmp(text, "localhost", len))
		return true;
	for (size_t i = 0; i < len; i++)
		if (text[i] == '.' || text[i] == ':' || (text[i] >= 'A' && text[i] <= 'Z'))
			return true;
	return false;
}

static int split_domain(const char *text, char **ret_domain, char **ret_rest, struct err *e)
{
	size_t len = strcspn(text, "/");
	bool named = text[len] && starts_with_domain(text, len);
	CLEANUP_FREE char *domain = named ? strndup(text, len) : strdup(DEFAULT_DOMAIN);
	BUF_CLEANUP struct buf rest = BUF_INIT;

	if (domain && !strcmp(domain, LEGACY_DOMAIN)) {
		free(domain);
		domain = strdup(DEFAULT_DOMAIN);
	}
	if (!domain)
		return err_nomem(e);
	text += named ? len + 1 : 0;
	if (!strcmp(domain, DEFAULT_DOMAIN) && !strchr(text, '/'))
		buf_puts(&rest, OFFICIAL);
	buf_puts(&rest, text);
	*ret_rest = buf_steal(&rest);
	if (!*ret_rest)
		return err_nomem(e);
	*ret_domain = STEAL(domain);
	return 0;
}

static int check_lower_case(const char *rest, struct err *e)
{
	size_t len = strcspn(rest, ":");

	for (size_t i = 0; i < len; i++)
		if (isupper((unsigned char)rest[i]))
			return err_set(e, ERR_INVALID, "invalid reference format: repository name (%.*s) must be lowercase", (int)len,
				       rest);
	return 0;
}

/* Takes "path[:tag][@digest]" apart, in place. */
static int parse_rest(char *rest, struct reference *r, struct err *e)
{
	char *at = strchr(rest, '@');
	char *colon;

	if (at) {
		*at++ = '\0';
		if (digest_check(at, e) < 0)
			return -1;
	}
	colon = strchr(rest, ':');
	if (colon) {
		*colon++ = '\0';
		if (!reference_tag_valid(colon))
			return bad_format(e);
	}
	if (!path_valid(rest))
		return bad_format(e);
	if (strlen(r->domain) + 1 + strlen(rest) > NAME_MAX_LEN)
		return err_set(e, ERR_INVALID, "repository name must not be more than %d characters", NAME_MAX_LEN);
	r->path = strdup(rest);
	r->tag = colon ? strdup(colon) : NULL;
	r->digest = at ? strdup(at) : NULL;
	return !r->path || (colon && !r->tag) || (at && !r->digest) ? err_nomem(e) : 0;
}

int reference_parse(const char *text, struct reference *ret, struct err *e)
{
	REFERENCE_CLEANUP struct reference r = { 0 };
	CLEANUP_FREE char *rest = NULL;

	if (strlen(text) == 64 && hex_is(text, 64))
		return err_set(e, ERR_INVALID, "invalid repository name (%s), cannot specify 64-byte hexadecimal strings", text);
	if (split_domain(text, &r.domain, &rest, e) < 0 || check_lower_case(rest, e) < 0)
		return -1;
	if (!domain_valid(r.domain))
		return bad_format(e);
	if (parse_rest(rest, &r, e) < 0)
		return -1;
	*ret = r;
	r = (struct reference){ 0 };
	return 0;
}

int reference_parse_with_tag(const char *name, const char *tag, struct reference *ret, struct err *e)
{
	REFERENCE_CLEANUP struct reference r = { 0 };
	char **field;
	char *copy;

	if (reference_parse(name, &r, e) < 0)
		return -1;
	if (tag && *tag) {
		field = strchr(tag, ':') ? &r.digest : &r.tag;
		if (field == &r.digest && digest_check(tag, e) < 0)
			return -1;
		if (field == &r.tag && !reference_tag_valid(tag))
			return bad_format(e);
		copy = strdup(tag);
		if (!copy)
			return err_nomem(e);
		free(*field);
		*field = copy;
	}
	*ret = r;
	r = (struct reference){ 0 };
	return 0;
}

int reference_default_tag(struct reference *r, struct err *e)
{
	if (!r->tag && !r->digest && !(r->tag = strdup("latest")))
		return err_nomem(e);
	return 0;
}

static char *with_target(const struct reference *r, char *name)
{
	BUF_CLEANUP struct buf b = BUF_INIT;
	CLEANUP_FREE char *owned = name;

	if (!owned)
		return NULL;
	buf_puts(&b, owned);
	if (r->tag)
		buf_printf(&b, ":%s", r->tag);
	if (r->digest)
		buf_printf(&b, "@%s", r->digest);
	return buf_steal(&b);
}

char *reference_familiar_name(const struct reference *r)
{
	BUF_CLEANUP struct buf b = BUF_INIT;
	const char *path = r->path;

	if (strcmp(r->domain, DEFAULT_DOMAIN) != 0)
		buf_printf(&b, "%s/", r->domain);
	else if (!strncmp(path, OFFICIAL, strlen(OFFICIAL)) && !strchr(path + strlen(OFFICIAL), '/'))
		path += strlen(OFFICIAL);
	buf_puts(&b, path);
	return buf_steal(&b);
}

char *reference_name(const struct reference *r)
{
	BUF_CLEANUP struct buf b = BUF_INIT;

	buf_printf(&b, "%s/%s", r->domain, r->path);
	return buf_steal(&b);
}

char *reference_familiar(const struct reference *r)
{
	return with_target(r, reference_familiar_name(r));
}

char *reference_full(const struct reference *r)
{
	return with_target(r, reference_name(r));
}

const char *reference_target(const struct reference *r)
{
	return r->digest ? r->digest : r->tag ? r->tag : "latest";
}
