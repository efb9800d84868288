#include <ctype.h>
#include <openssl/x509_vfy.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/transport.h"

/* The first error of {"errors":[{"code":..., "message":...}]}; borrowed from *doc. */
static struct json_object *first_error(const struct registry_reply *reply, struct json_object **doc)
{
	struct json_object *list;

	if (!reply->body.data || json_parse(reply->body.data, reply->body.len, doc, NULL) < 0)
		return NULL;
	list = json_array(*doc, "errors");
	return list && json_object_array_length(list) ? json_object_array_get_idx(list, 0) : NULL;
}

void registry_error_code(const struct registry_reply *reply, char *ret, size_t cap)
{
	CLEANUP_JSON struct json_object *doc = NULL;
	struct json_object *first = first_error(reply, &doc);

	snprintf(ret, cap, "%s", json_str(first, "code", ""));
}

/* "MANIFEST_UNKNOWN" -> "manifest unknown", as dockerd words it. */
static void word_code(char *code)
{
	for (; *code; code++)
		*code = *code == '_' ? ' ' : (char)tolower((unsigned char)*code);
}

static enum err_kind kind_of(int status)
{
	if (status == 401 || status == 403)
		return status == 401 ? ERR_UNAUTHORIZED : ERR_FORBIDDEN;
	return status >= 400 && status < 500 ? err_kind_of_status(status) : ERR_INTERNAL;
}

int registry_failure(const struct registry_reply *reply, struct err *e)
{
	CLEANUP_JSON struct json_object *doc = NULL;
	struct json_object *first = first_error(reply, &doc);
	const char *message = json_str(first, "message", "");
	char code[64];

	snprintf(code, sizeof code, "%s", json_str(first, "code", ""));
	word_code(code);
	if (*code)
		return err_set(e, kind_of(reply->status), "%s: %s", code, *message ? message : code);
	if (reply->status == 401)
		return err_set(e, ERR_UNAUTHORIZED, "unauthorized: authentication required");
	if (reply->status == 404)
		return err_set(e, ERR_NOT_FOUND, "not found");
	return err_set(e, kind_of(reply->status), "received unexpected HTTP status: %d", reply->status);
}

/* strerror() begins with a capital, Go's texts don't. */
static void lower_first(char *text)
{
	*text = (char)tolower((unsigned char)*text);
}

static int word_dial(CURL *easy, const char *host, const char *port, struct err *e, const char *head)
{
	const char *address = NULL;
	long number = 0;
	char why[128];

	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
	curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address);
	snprintf(why, sizeof why, "%s", number ? strerror((int)number) : "connection refused");
	lower_first(why);
	return err_set(e, ERR_INTERNAL, "%s: dial tcp %s:%s: connect: %s", head, address && *address ? address : host, port, why);
}

static const char *word_certificate(CURL *easy, const char *otherwise)
{
	long why = 0;

	curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &why);
	switch (why) {
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return "x509: certificate signed by unknown authority";
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "x509: certificate has expired or is not yet valid";
	default:
		return otherwise;
	}
}

int registry_failure_curl(CURL *easy, CURLcode code, const char *method, const char *url, struct err *e)
{
	CURLU *u = curl_url();
	char *host = NULL, *port = NULL;
	char head[1024], detail[256];
	long status = 0;

	/* What an upload's address has after it is the registry's own, and long. */
	snprintf(head, sizeof head, "%c%s \"%.*s\"", *method, method + 1, (int)(strcmp(method, "GET") ? strcspn(url, "?") : strlen(url)), url);
	for (char *c = head + 1; *c && *c != ' '; c++)
		*c = (char)tolower((unsigned char)*c);
	if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK) {
		curl_url_get(u, CURLUPART_HOST, &host, 0);
		curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
	}
	snprintf(detail, sizeof detail, "%s", curl_easy_strerror(code));
	if (code == CURLE_COULDNT_CONNECT)
		word_dial(easy, host ? host : "", port ? port : "", e, head);
	else if (code == CURLE_COULDNT_RESOLVE_HOST)
		err_set(e, ERR_INTERNAL, "%s: dial tcp: lookup %s: no such host", head, host ? host : "");
	else if (code == CURLE_PEER_FAILED_VERIFICATION)
		err_set(e, ERR_INTERNAL, "%s: tls: failed to verify certificate: %s", head, word_certificate(easy, detail));
	else if (code == CURLE_SSL_CACERT_BADFILE)
		err_set(e, ERR_INTERNAL, "%s: the certificates of SOCKERLESS_REGISTRY_CA can't be read", head);
	else if (code == CURLE_TOO_MANY_REDIRECTS)
		err_set(e, ERR_INTERNAL, "%s: stopped after %d redirects", head, REGISTRY_REDIRECTS_MAX);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		err_set(e, ERR_INTERNAL, "%s: net/http: request canceled (Client.Timeout exceeded while awaiting headers)", head);
	else if (code == CURLE_ABORTED_BY_CALLBACK)
		err_set(e, ERR_INTERNAL, "%s: context canceled", head);
	else if (code == CURLE_GOT_NOTHING || code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR)
		err_set(e, ERR_INTERNAL, "%s: unexpected EOF", head);
	else if (code == CURLE_UNSUPPORTED_PROTOCOL && curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && !status)
		err_set(e, ERR_INTERNAL, "%s: malformed HTTP response", head); /* without a status line; else it leads to another protocol */
	else
		err_set(e, ERR_INTERNAL, "%s: %s", head, detail);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return -1;
}
