/* Lambda's replies: a byte says which, then the log tail header up to a newline, then the body. */
#include "tests/fuzz/fuzz.h"

#include "lib/aws/credentials_parse.h"
#include "lib/aws/failure.h"
#include "lib/aws/lambda.h"

static void check_failure(struct aws_response *r, const char *header)
{
	struct err e = { 0 };

	snprintf(r->error_type, sizeof r->error_type, "%s", header);
	FUZZ_CHECK(aws_failure(AWS_LAMBDA, r, &e) < 0 && e.kind && *e.text);
	FUZZ_CHECK(strlen(r->error_type) < sizeof r->error_type);
	(void)aws_failure_is_clock(r);
	aws_failure_type(header, r->error_type);
	FUZZ_CHECK(strlen(r->error_type) < sizeof r->error_type);
}

static void check_invoke(struct aws_response *r)
{
	LAMBDA_RESULT_CLEANUP struct lambda_result result = { 0 };
	struct err e = { 0 };

	if (lambda_parse_invoke(r, &result, &e) < 0)
		return;
	FUZZ_CHECK(result.payload && result.payload_len == r->body_len && !result.payload[result.payload_len]);
	FUZZ_CHECK(!result.log_tail || !result.log_tail[result.log_tail_len]);
	FUZZ_CHECK(result.report.billed_ms >= 0 && result.report.max_memory_mb >= 0 && result.report.duration_ms >= 0);
	lambda_parse_report(r->body, r->body_len, NULL, &result.report);
}

static void check_credentials(const char *text, size_t len, const char *header)
{
	struct aws_credentials c = { 0 };
	struct err e = { 0 };

	if (aws_credentials_parse(text, len, "the test", &c, &e) == 0)
		aws_credentials_free(&c);
	else
		FUZZ_CHECK(e.kind && *e.text);
	(void)aws_time_parse(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	uint8_t which = fuzz_byte(&in);
	struct aws_response r = { .status = 200, .request_id = "11111111-2222-3333-4444-555555555555" };
	struct lambda_status status = { 0 };
	struct err e = { 0 };
	char *header = fuzz_text(&in, '\n', NULL), *body = fuzz_rest(&in, &r.body_len);

	r.body = body;
	r.log_result = header;
	if (which & 4)
		snprintf(r.function_error, sizeof r.function_error, "Unhandled");
	switch (which & 3) {
	case 0:
		if (lambda_parse_state(&r, &status, &e) == 0)
			FUZZ_CHECK(lambda_state_name(status.state));
		break;
	case 1:
		check_invoke(&r);
		break;
	case 2:
		r.status = 300 + which;
		check_failure(&r, header);
		break;
	default:
		check_credentials(body, r.body_len, header);
	}
	free(header);
	free(body);
	return 0;
}
