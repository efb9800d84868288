#include "agent-gateway/invoke_outcome.h"

#include <stdio.h>
#include <string.h>

#include "lib/aws/lambda.h"
#include "lib/json.h"

/* What isn't our agent's word on this very run says nothing about an exit code. */
static void read_answer(struct invoke_outcome *o, const struct lambda_result *r, const char *run)
{
	CLEANUP_JSON struct json_object *p = NULL;
	int64_t out, errs;

	if (r->failed || !r->payload || json_parse(r->payload, r->payload_len, &p, NULL) < 0 ||
	    strcmp(json_str(p, "run", ""), run) != 0 || !json_object_is_type(json_get(p, "code"), json_type_int))
		return;
	out = json_int(p, "stdout", 0);
	errs = json_int(p, "stderr", 0);
	o->has_code = true;
	o->code = (int)(json_int(p, "code", 0) & 0xff);
	o->offsets[0] = out > 0 ? (uint64_t)out : 0;
	o->offsets[1] = errs > 0 ? (uint64_t)errs : 0;
	snprintf(o->error, sizeof o->error, "%s", json_str(p, "error", ""));
}

void invoke_outcome_read(struct invoke_outcome *o, const struct aws_response *resp, const char *run)
{
	LAMBDA_RESULT_CLEANUP struct lambda_result r = { 0 };
	struct err e = { 0 };

	o->answered = true;
	if (lambda_parse_invoke(resp, &r, &e) < 0) {
		o->failed = true;
		snprintf(o->error_message, sizeof o->error_message, "%.500s", e.text);
		return;
	}
	o->failed = r.failed;
	snprintf(o->error_type, sizeof o->error_type, "%s", r.error_type);
	snprintf(o->error_message, sizeof o->error_message, "%s", r.error_message);
	snprintf(o->request_id, sizeof o->request_id, "%s", r.request_id);
	if (r.report.found) {
		o->billed_ms = r.report.billed_ms;
		o->memory_peak_mb = r.report.max_memory_mb;
		o->memory_size_mb = r.report.memory_size_mb;
	}
	read_answer(o, &r, run);
}
