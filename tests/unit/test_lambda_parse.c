#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/aws/failure.h"
#include "lib/aws/lambda.h"

static struct aws_response reply(int status, const char *body)
{
	return (struct aws_response){ .status = status, .body = (char *)(uintptr_t)body, .body_len = strlen(body) };
}

static void parses_states(void **state)
{
	struct aws_response r = reply(200, "{\"Configuration\":{\"FunctionName\":\"f\",\"State\":\"Failed\",\"StateReasonCode\":\"InvalidImage\","
					   "\"StateReason\":\"bad\",\"LastUpdateStatus\":\"InProgress\",\"Description\":\"d\"}}");
	struct lambda_status s;

	(void)state;
	assert_int_equal(lambda_parse_state(&r, &s, NULL), 0);
	assert_int_equal(s.state, LAMBDA_FAILED);
	assert_string_equal(s.reason_code, "InvalidImage");
	assert_string_equal(s.description, "d");
	assert_true(s.updating);
	r = reply(201, "{\"FunctionName\":\"f\",\"State\":\"Pending\",\"FunctionArn\":\"arn:x\"}");
	assert_int_equal(lambda_parse_state(&r, &s, NULL), 0);
	assert_int_equal(s.state, LAMBDA_PENDING);
	assert_string_equal(s.arn, "arn:x");
	r = reply(200, "{\"FunctionName\":\"f\",\"State\":7}");
	assert_int_equal(lambda_parse_state(&r, &s, NULL), 0);
	assert_int_equal(s.state, LAMBDA_STATE_UNKNOWN);
	r = reply(200, "[]");
	assert_int_equal(lambda_parse_state(&r, &s, NULL), -1);
	r = reply(200, "");
	assert_int_equal(lambda_parse_state(&r, &s, NULL), -1);
}

#define REPORT                                                                                                                   \
	"REPORT RequestId: abc-1\tDuration: 1000.51 ms\tBilled Duration: 1001 ms\tMemory Size: 512 MB\tMax Memory Used: 44 MB\t" \
	"Init Duration: 120.25 ms\tStatus: timeout"

static void finds_the_report(void **state)
{
	const char *text = "START RequestId: abc-1\nhello\nREPORT RequestId: other\tDuration: 1 ms\tBilled Duration: 2 ms\n" REPORT "\n";
	struct lambda_report r;

	(void)state;
	lambda_parse_report(text, strlen(text), "abc-1", &r);
	assert_true(r.found);
	assert_int_equal(r.billed_ms, 1001);
	assert_int_equal(r.memory_size_mb, 512);
	assert_int_equal(r.max_memory_mb, 44);
	assert_true(r.duration_ms > 1000.5 && r.duration_ms < 1000.52);
	assert_true(r.init_ms > 120.2 && r.init_ms < 120.3);
	assert_string_equal(r.status, "timeout");
	lambda_parse_report(text, strlen(text), "nobody", &r);
	assert_false(r.found);
	lambda_parse_report("", 0, NULL, &r);
	assert_false(r.found);
}

static void parses_invokes(void **state)
{
	struct aws_response r = reply(200, "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":\"too long\"}");
	char log[] = "UkVQT1JUIFJlcXVlc3RJZDogcTEJRHVyYXRpb246IDEuMCBtcwlCaWxsZWQgRHVyYXRpb246IDIgbXMK";
	LAMBDA_RESULT_CLEANUP struct lambda_result s = { 0 };

	(void)state;
	strcpy(r.function_error, "Unhandled");
	strcpy(r.request_id, "q1");
	r.log_result = log;
	assert_int_equal(lambda_parse_invoke(&r, &s, NULL), 0);
	assert_true(s.failed);
	assert_string_equal(s.error_type, "Sandbox.Timedout");
	assert_int_equal(s.report.billed_ms, 2);
	assert_string_equal(s.log_tail, "REPORT RequestId: q1\tDuration: 1.0 ms\tBilled Duration: 2 ms\n");
}

static void survives_a_bad_log_tail(void **state)
{
	struct aws_response r = reply(200, "");
	char log[] = "!!!!";
	LAMBDA_RESULT_CLEANUP struct lambda_result s = { 0 };

	(void)state;
	r.log_result = log;
	assert_int_equal(lambda_parse_invoke(&r, &s, NULL), 0);
	assert_null(s.log_tail);
	assert_false(s.failed);
	assert_int_equal(s.payload_len, 0);
}

static void refuses_large_payloads(void **state)
{
	struct aws_request r = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(lambda_invoke_request("f", "", LAMBDA_PAYLOAD_MAX + 1u, 1, &r, &e), -1);
	assert_int_equal(e.kind, ERR_TOO_LARGE);
	assert_int_equal(lambda_invoke_request("f", "{}", 2, 900, &r, &e), 0);
	assert_int_equal(r.timeout, 960);
	assert_false(r.retry);
	assert_false(r.retry_refused);
	assert_string_equal(r.path, "/2015-03-31/functions/f/invocations");
	aws_request_free(&r);
}

static const struct {
	int status;
	const char *header_type, *body;
	enum err_kind kind;
	const char *text;
} failures[] = {
	{ 404, "ResourceNotFoundException", "{\"Type\":\"User\",\"Message\":\"Function not found: x\"}", ERR_NOT_FOUND,
	  "Lambda: ResourceNotFoundException: Function not found: x" },
	{ 400, "", "{\"__type\":\"com.amazonaws.logs#ResourceNotFoundException\",\"message\":\"m\"}", ERR_NOT_FOUND,
	  "Lambda: ResourceNotFoundException: m" },
	{ 409, "ResourceConflictException", "{}", ERR_CONFLICT, "Lambda: ResourceConflictException" },
	{ 429, "", "", ERR_THROTTLED, "Lambda: status 429" },
	{ 500, "ServiceException", "<html>", ERR_UPSTREAM, "Lambda: ServiceException" },
	{ 503, "", "", ERR_UNAVAILABLE, "Lambda: status 503" },
	{ 302, "", "", ERR_UPSTREAM, "Lambda: status 302" },
	{ 403, "", "{\"message\":\"Forbidden\"}", ERR_FORBIDDEN, "Lambda: status 403: Forbidden" },
};

static void maps_failures(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		struct aws_response r = reply(failures[i].status, failures[i].body);
		struct err e = { 0 };

		strcpy(r.error_type, failures[i].header_type);
		assert_int_equal(aws_failure(AWS_LAMBDA, &r, &e), -1);
		if (e.kind != failures[i].kind || strcmp(e.text, failures[i].text))
			fail_msg("%d: kind %d, \"%s\"", failures[i].status, e.kind, e.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_states), cmocka_unit_test(finds_the_report), cmocka_unit_test(parses_invokes),
		cmocka_unit_test(survives_a_bad_log_tail), cmocka_unit_test(refuses_large_payloads), cmocka_unit_test(maps_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
