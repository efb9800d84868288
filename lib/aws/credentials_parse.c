#include "lib/aws/credentials_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/secret.h"

void aws_credentials_free(struct aws_credentials *c)
{
	free_secret(c->access_key_id);
	free_secret(c->secret_access_key);
	free_secret(c->session_token);
	*c = (struct aws_credentials){ 0 };
}

bool aws_credentials_stale(const struct aws_credentials *c, time_t now)
{
	return c->expires && c->expires - now <= AWS_CREDENTIALS_REFRESH;
}

int aws_credentials_set(struct aws_credentials *ret, const char *id, const char *secret, const char *token, time_t expires, struct err *e)
{
	bool has_token = token && *token;
	struct aws_credentials c = {
		.access_key_id = strdup(id),
		.secret_access_key = strdup(secret),
		.session_token = has_token ? strdup(token) : NULL,
		.expires = expires,
	};

	if (!c.access_key_id || !c.secret_access_key || (has_token && !c.session_token)) {
		aws_credentials_free(&c);
		return err_nomem(e);
	}
	*ret = c;
	return 0;
}

time_t aws_time_parse(const char *text)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int hours = 0, minutes = 0, sign = 0;

	if (!rest)
		return -1;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (*rest == '+' || *rest == '-') {
		sign = *rest == '+' ? 1 : -1;
		if (sscanf(rest + 1, "%2d:%2d", &hours, &minutes) != 2)
			return -1;
	} else if (strcmp(rest, "Z") && *rest) {
		return -1;
	}
	return timegm(&tm) - sign * (hours * 3600 + minutes * 60);
}

int aws_credentials_parse(const char *text, size_t len, const char *source, struct aws_credentials *ret, struct err *e)
{
	CLEANUP_JSON struct json_object *o = NULL;
	struct err why = { 0 };
	const char *id, *secret, *expiration;
	time_t expires = 0;

	if (json_parse(text, len, &o, &why) < 0)
		return err_set(e, ERR_UNAUTHORIZED, "AWS credentials from %s: %s", source, why.text);
	id = json_str(o, "AccessKeyId", "");
	secret = json_str(o, "SecretAccessKey", "");
	expiration = json_str(o, "Expiration", NULL);
	if (!*id || !*secret)
		return err_set(e, ERR_UNAUTHORIZED, "AWS credentials from %s: no AccessKeyId and SecretAccessKey in the answer%s%s", source,
			       json_str(o, "Code", NULL) ? ": " : "", json_str(o, "Code", ""));
	if (expiration && (expires = aws_time_parse(expiration)) < 0)
		return err_set(e, ERR_UNAUTHORIZED, "AWS credentials from %s: bad Expiration", source);
	return aws_credentials_set(ret, id, secret, json_str(o, "SessionToken", json_str(o, "Token", NULL)), expires, e);
}
