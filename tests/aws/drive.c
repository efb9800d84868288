/* Drives lib/aws for tests/aws/test_aws.py: one call, its outcome on standard output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/ecr.h"
#include "lib/aws/lambda.h"
#include "lib/aws/logs.h"
#include "lib/cleanup.h"
#include "lib/json.h"

static int show_function(void *arg, const struct lambda_listed *f, struct err *e)
{
	(void)arg, (void)e;
	printf("function %s %s\n", f->name, f->description);
	return 0;
}

static int show_event(void *arg, const struct logs_event *ev, struct err *e)
{
	(void)arg, (void)e;
	printf("event %lld %.*s\n", (long long)ev->timestamp, (int)ev->len, ev->message);
	return 0;
}

static int drive_create(struct aws_client *c, struct err *e)
{
	const char *const entry_point[] = { "/.sockerless/agent", "sh", NULL };
	CLEANUP_JSON struct json_object *environment = json_object_new_object();
	struct lambda_function f = {
		.name = "skls-0", .description = "d", .image_uri = "h/r@sha256:x", .role_arn = "arn:role", .architecture = "x86_64",
		.timeout = 900, .memory_size = 512, .ephemeral_storage = 512, .entry_point = entry_point, .working_directory = "/",
		.environment = environment, .subnets = "subnet-1, subnet-2", .security_groups = "sg-1",
	};
	struct lambda_status s;

	if (!json_add_str(environment, "AA", "b/c") || lambda_create_function(c, &f, &s, e) < 0)
		return -1;
	printf("state %s\n", lambda_state_name(s.state));
	return 0;
}

static int drive_logs(struct aws_client *c, struct err *e)
{
	CLEANUP_FREE char *token = NULL;
	bool end = false;

	for (int i = 0; i < 10 && !end; i++) {
		struct logs_query q = { .group = "g", .stream = "2026/01/01/[$LATEST]x", .token = token };
		char *next = NULL;

		if (logs_get_events(c, &q, show_event, NULL, &next, &end, e) < 0)
			return -1;
		free(token);
		token = next;
	}
	puts(end ? "end" : "no end");
	return 0;
}

static int drive_ecr(struct aws_client *c, struct err *e)
{
	ECR_AUTHORIZATION_CLEANUP struct ecr_authorization a = { 0 };

	if (ecr_create_repository(c, "r/x", e) < 0 || ecr_get_authorization_token(c, &a, e) < 0)
		return -1;
	printf("ecr %s %s %s %s %lld\n", a.endpoint, a.host, a.user, a.password, (long long)a.expires);
	return 0;
}

/* One transfer of a multi, from beginning to end. */
static int run_one(CURLM *multi, struct aws_client *c, const struct aws_request *r, struct aws_response *ret, struct err *e)
{
	struct aws_transfer *t = NULL;
	CURL *easy = aws_easy_prepare(c, r, &t, e);
	CURLMsg *message = NULL;
	int running = 1, left, rc;

	if (!easy)
		return -1;
	curl_multi_add_handle(multi, easy);
	while (running) {
		curl_multi_perform(multi, &running);
		if (running)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	while (!(message = curl_multi_info_read(multi, &left)))
		;
	rc = message->data.result;
	curl_multi_remove_handle(multi, easy);
	printf("sent %d\n", aws_transfer_sent(t));
	rc = aws_transfer_finish(t, (CURLcode)rc, ret, e);
	aws_transfer_free(t);
	return rc;
}

static int drive_invoke(struct aws_client *c, const char *name, bool get_first, struct err *e)
{
	AWS_REQUEST_CLEANUP struct aws_request r = { 0 }, get = { 0 };
	AWS_RESPONSE_CLEANUP struct aws_response reply = { 0 }, got = { 0 };
	LAMBDA_RESULT_CLEANUP struct lambda_result result = { 0 };
	CURLM *multi = curl_multi_init();
	int rc = 0;

	if (get_first)
		rc = lambda_get_function_request(name, &get, e) < 0 || run_one(multi, c, &get, &got, e) < 0 ? -1 : 0;
	if (rc == 0)
		rc = lambda_invoke_request(name, "{\"a\":1}", 7, 5, &r, e);
	if (rc == 0)
		rc = run_one(multi, c, &r, &reply, e);
	if (rc == 0)
		rc = lambda_parse_invoke(&reply, &result, e);
	if (rc == 0)
		printf("payload %s failed %d type %s billed %lld\n", result.payload, result.failed, result.error_type,
		       (long long)result.report.billed_ms);
	curl_multi_cleanup(multi);
	return rc;
}

static int drive(struct aws_client *c, const char *what, const char *name, struct err *e)
{
	CLEANUP_JSON struct json_object *tags = NULL;
	struct lambda_status s;

	if (!strcmp(what, "create"))
		return drive_create(c, e);
	if (!strcmp(what, "logs"))
		return drive_logs(c, e);
	if (!strcmp(what, "delete-group"))
		return logs_delete_group(c, name, e);
	if (!strcmp(what, "ecr"))
		return drive_ecr(c, e);
	if (!strncmp(what, "invoke", 6))
		return drive_invoke(c, name, !strcmp(what, "invoke-after-get"), e);
	if (!strcmp(what, "list"))
		return lambda_list_functions(c, show_function, NULL, e);
	if (!strcmp(what, "delete"))
		return lambda_delete_function(c, name, e);
	if (!strcmp(what, "tags")) {
		if (lambda_list_tags(c, name, &tags, e) < 0)
			return -1;
		printf("tags %s\n", json_text(tags));
		return 0;
	}
	if (lambda_get_function(c, name, &s, e) < 0)
		return -1;
	printf("state %s %s\n", lambda_state_name(s.state), s.reason);
	return 0;
}

int main(int argc, char **argv)
{
	AWS_CLIENT_CLEANUP struct aws_client *c = NULL;
	struct err e = { 0 };

	if (argc != 3 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return 2;
	if (aws_client_open(&c, 60, &e) < 0 || drive(c, argv[1], argv[2], &e) < 0) {
		printf("error %d %s\n", err_status(e.kind), e.text);
		return 1;
	}
	return 0;
}
