#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/lambda.h"
#include "lib/cleanup.h"
#include "lib/json.h"

static const char *const state_names[] = {
	[LAMBDA_STATE_UNKNOWN] = "Unknown", [LAMBDA_PENDING] = "Pending", [LAMBDA_ACTIVE] = "Active",
	[LAMBDA_INACTIVE] = "Inactive", [LAMBDA_FAILED] = "Failed",
};

const char *lambda_state_name(enum lambda_state state)
{
	return state_names[state];
}

static void copy_text(char *to, size_t cap, const char *from)
{
	snprintf(to, cap, "%s", from);
}

int lambda_parse_state(const struct aws_response *r, struct lambda_status *ret, struct err *e)
{
	CLEANUP_JSON struct json_object *o = NULL;
	struct lambda_status s = { 0 };
	struct json_object *config;
	struct err why = { 0 };
	const char *state;

	if (!r->body || json_parse(r->body, r->body_len, &o, &why) < 0)
		return err_set(e, ERR_UPSTREAM, "Lambda: %s", *why.text ? why.text : "no reply");
	config = json_obj(o, "Configuration");
	config = config ? config : o;
	if (!json_str(config, "FunctionName", NULL))
		return err_set(e, ERR_UPSTREAM, "Lambda: the reply describes no function");
	state = json_str(config, "State", "");
	for (int i = LAMBDA_PENDING; i <= LAMBDA_FAILED; i++)
		if (!strcmp(state, state_names[i]))
			s.state = (enum lambda_state)i;
	copy_text(s.reason_code, sizeof s.reason_code, json_str(config, "StateReasonCode", ""));
	copy_text(s.reason, sizeof s.reason, json_str(config, "StateReason", ""));
	copy_text(s.update_status, sizeof s.update_status, json_str(config, "LastUpdateStatus", ""));
	s.updating = !strcmp(s.update_status, "InProgress");
	copy_text(s.description, sizeof s.description, json_str(config, "Description", ""));
	copy_text(s.arn, sizeof s.arn, json_str(config, "FunctionArn", ""));
	*ret = s;
	return 0;
}

void lambda_result_free(struct lambda_result *r)
{
	free(r->payload);
	free(r->log_tail);
	*r = (struct lambda_result){ 0 };
}

/* The bytes of base64 text; NULL if it is none. */
static char *decode(const char *text, size_t *ret_len)
{
	size_t len = strlen(text);
	CLEANUP_FREE char *out = malloc(len / 4 * 3 + 1);
	int n;

	if (!out || len % 4)
		return NULL;
	n = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)text, (int)len);
	if (n < 0)
		return NULL;
	for (size_t i = len; i > 0 && n > 0 && text[i - 1] == '='; i--)
		n--;
	out[n] = '\0';
	*ret_len = (size_t)n;
	return STEAL(out);
}

/* The number after "name: " in a line; false if it has none. */
static bool field(const char *line, const char *name, double *ret)
{
	const char *at = strstr(line, name);
	char *end;
	double value;

	if (!at)
		return false;
	at += strlen(name);
	value = strtod(at, &end);
	if (end == at || !(value >= 0 && value < 1e15))
		return false;
	*ret = value;
	return true;
}

static void parse_line(char *line, struct lambda_report *ret)
{
	struct lambda_report r = { .found = true };
	const char *status = strstr(line, "\tStatus: ");
	double value;

	snprintf(r.request_id, sizeof r.request_id, "%.*s", (int)strcspn(line + 18, " \t\r"), line + 18);
	if (field(line, "\tDuration: ", &value))
		r.duration_ms = value;
	if (field(line, "Billed Duration: ", &value))
		r.billed_ms = (int64_t)value;
	if (field(line, "Memory Size: ", &value))
		r.memory_size_mb = (int64_t)value;
	if (field(line, "Max Memory Used: ", &value))
		r.max_memory_mb = (int64_t)value;
	if (field(line, "Init Duration: ", &value))
		r.init_ms = value;
	if (status)
		snprintf(r.status, sizeof r.status, "%.*s", (int)strcspn(status + 9, " \t\r"), status + 9);
	*ret = r;
}

void lambda_parse_report(const char *text, size_t len, const char *request_id, struct lambda_report *ret)
{
	struct lambda_report found = { 0 };

	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;
		char line[1024];

		if (n > 18 && n < sizeof line && !memcmp(text, "REPORT RequestId: ", 18)) {
			struct lambda_report r;

			memcpy(line, text, n);
			line[n] = '\0';
			parse_line(line, &r);
			if (!request_id || !strcmp(r.request_id, request_id))
				found = r;
		}
		n += end ? 1 : 0;
		text += n;
		len -= n;
	}
	*ret = found;
}

static void parse_payload_error(struct lambda_result *r)
{
	CLEANUP_JSON struct json_object *o = NULL;

	if (json_parse(r->payload, r->payload_len, &o, NULL) < 0)
		return;
	copy_text(r->error_type, sizeof r->error_type, json_str(o, "errorType", ""));
	copy_text(r->error_message, sizeof r->error_message, json_str(o, "errorMessage", ""));
}

int lambda_parse_invoke(const struct aws_response *r, struct lambda_result *ret, struct err *e)
{
	LAMBDA_RESULT_CLEANUP struct lambda_result s = { 0 };

	if (!r->body || r->status != 200)
		return err_set(e, ERR_UPSTREAM, "Lambda: Invoke answered with status %d", r->status);
	s.payload = malloc(r->body_len + 1);
	if (!s.payload)
		return err_nomem(e);
	memcpy(s.payload, r->body, r->body_len + 1);
	s.payload_len = r->body_len;
	copy_text(s.request_id, sizeof s.request_id, r->request_id);
	copy_text(s.function_error, sizeof s.function_error, r->function_error);
	s.failed = *s.function_error != '\0';
	if (s.failed)
		parse_payload_error(&s);
	if (r->log_result)
		s.log_tail = decode(r->log_result, &s.log_tail_len);
	if (s.log_tail)
		lambda_parse_report(s.log_tail, s.log_tail_len, *s.request_id ? s.request_id : NULL, &s.report);
	*ret = s;
	s = (struct lambda_result){ 0 };
	return 0;
}
