#include "lib/aws/endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "lib/aws/profile.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

static const struct {
	const char *signing_name, *title, *host, *variable;
} services[AWS_SERVICES] = {
	[AWS_LAMBDA] = { "lambda", "Lambda", "lambda", "AWS_ENDPOINT_URL_LAMBDA" },
	[AWS_LOGS] = { "logs", "CloudWatch Logs", "logs", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS" },
	[AWS_ECR] = { "ecr", "ECR", "api.ecr", "AWS_ENDPOINT_URL_ECR" },
};

const char *aws_service_signing_name(enum aws_service service)
{
	return services[service].signing_name;
}

const char *aws_service_title(enum aws_service service)
{
	return services[service].title;
}

void aws_endpoint_free(struct aws_endpoint *p)
{
	free(p->base);
	free(p->host);
	free(p->path);
	*p = (struct aws_endpoint){ 0 };
}

int aws_endpoint_parse(const char *url, struct aws_endpoint *ret, struct err *e)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL, *path = NULL;
	struct aws_endpoint p = { 0 };
	BUF_CLEANUP struct buf name = BUF_INIT, base = BUF_INIT;
	int rc = -1;
	size_t len;

	if (!u)
		return err_nomem(e);
	if (curl_url_set(u, CURLUPART_URL, url, CURLU_PATH_AS_IS) || curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) || curl_url_get(u, CURLUPART_PATH, &path, 0) ||
	    (strcmp(scheme, "http") && strcmp(scheme, "https"))) {
		err_set(e, ERR_INVALID, "AWS endpoint \"%s\" is no http(s) URL", url);
		goto out;
	}
	if (curl_url_get(u, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT) == CURLUE_OK)
		buf_printf(&name, "%s:%s", host, port);
	else
		buf_puts(&name, host);
	for (len = strlen(path); len && path[len - 1] == '/'; len--)
		;
	buf_printf(&base, "%s://%s", scheme, name.data ? name.data : "");
	p = (struct aws_endpoint){ buf_steal(&base), buf_steal(&name), strndup(path, len) };
	if (!p.base || !p.host || !p.path) {
		aws_endpoint_free(&p);
		err_nomem(e);
		goto out;
	}
	*ret = p;
	rc = 0;
out:
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_free(path);
	curl_url_cleanup(u);
	return rc;
}

int aws_endpoint_find(enum aws_service service, const char *region, struct aws_endpoint *ret, struct err *e)
{
	BUF_CLEANUP struct buf url = BUF_INIT;
	const char *named = getenv(services[service].variable);

	if (!named || !*named)
		named = getenv("AWS_ENDPOINT_URL");
	if (named && *named)
		return aws_endpoint_parse(named, ret, e);
	buf_printf(&url, "https://%s.%s.amazonaws.com%s", services[service].host, region, strncmp(region, "cn-", 3) ? "" : ".cn");
	return url.failed ? err_nomem(e) : aws_endpoint_parse(url.data, ret, e);
}

int aws_region_find(char **ret, struct err *e)
{
	static const char *const variables[] = { "AWS_REGION", "AWS_DEFAULT_REGION" };
	CLEANUP_FREE char *region = NULL;

	for (size_t i = 0; i < 2 && !region; i++) {
		const char *value = getenv(variables[i]);

		if (value && *value && !(region = strdup(value)))
			return err_nomem(e);
	}
	if (!region && aws_profile_value("region", &region, e) < 0)
		return -1;
	if (!region)
		return err_set(e, ERR_INVALID, "no AWS region: set AWS_REGION");
	if (!*region || strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(region))
		return err_set(e, ERR_INVALID, "\"%s\" is no AWS region", region);
	*ret = STEAL(region);
	return 0;
}
