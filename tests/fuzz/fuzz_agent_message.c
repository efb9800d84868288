/*
 * What a hostile agent tells the gateway: frames of two bytes of length and a
 * message each. The run behind it is played here, and checks what it is given.
 */
#include "tests/fuzz/fuzz.h"

#include "agent-gateway/agent.h"
#include "agent-gateway/exec.h"
#include "agent-gateway/intent.h"
#include "agent-gateway/gateway.h"
#include "agent-gateway/run.h"
#include "agent-gateway/store_health.h"
#include "agent-gateway/task.h"
#include "lib/docker/exec_error.h"
#include "lib/log.h"

#define OFFSET_MAX (UINT64_C(1) << 60)

/* Reads every byte, so that AddressSanitizer sees what can't be read. */
static void check_bytes(const void *data, size_t len)
{
	volatile uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + ((const uint8_t *)data)[i]);
}

static void check_text(const char *text)
{
	FUZZ_CHECK(text && strlen(text) <= WIRE_PAYLOAD_MAX);
}

void agent_send(struct agent *a, enum wire_type type, uint8_t flags, uint32_t stream, const void *data, size_t len)
{
	FUZZ_CHECK(type > 0 && type < WIRE_TYPES && len <= WIRE_PAYLOAD_MAX);
	check_bytes(data, len);
}

void agent_send_text(struct agent *a, enum wire_type type, uint32_t stream, const char *text)
{
	check_text(text);
}

/* No store: the job is done at once. */
void worker_post(struct worker *w, struct job *j)
{
	j->done(j);
}

void run_hello(struct run *r, uint64_t stdin_received)
{
	FUZZ_CHECK(stdin_received <= OFFSET_MAX);
}

void run_process_started(struct run *r, int64_t pid)
{
}

void run_process_failed(struct run *r, const char *step, int error, const char *path, const char *detail)
{
	struct exec_error x;

	check_text(step);
	check_text(path);
	check_text(detail);
	exec_error(&x, EXEC_ERROR_START, step, error, path, detail);
	FUZZ_CHECK(x.status >= 400 && x.code >= 126 && *x.text);
}

bool run_output(struct run *r, unsigned int channel, uint64_t offset, int64_t time, const uint8_t *data, size_t len)
{
	FUZZ_CHECK(channel < SPOOL_CHANNELS && len > 0 && len <= SPOOL_RECORD_MAX && time >= 0);
	check_bytes(data, len);
	return true;
}

void run_exit(struct run *r, const struct run_end *end, const uint64_t offsets[2], bool changed)
{
	FUZZ_CHECK(offsets[0] <= OFFSET_MAX && offsets[1] <= OFFSET_MAX && end->code >= 0 && end->code <= 255);
	check_text(end->error);
}

bool exec_output(struct run *r, uint32_t stream, unsigned int channel, const uint8_t *data, size_t len)
{
	FUZZ_CHECK(stream != WIRE_MAIN && len <= WIRE_PAYLOAD_MAX && (channel == WIRE_STDOUT || channel == WIRE_STDERR));
	check_bytes(data, len);
	return true;
}

bool exec_window(struct run *r, uint32_t stream, uint32_t bytes)
{
	return bytes < INT32_MAX;
}

void exec_started(struct run *r, uint32_t stream, int64_t pid)
{
}

void exec_failed(struct run *r, uint32_t stream, const char *step, int error, const char *path, const char *detail)
{
	run_process_failed(r, step, error, path, detail);
}

void exec_agent_knows(struct run *r, const uint32_t *streams, size_t n)
{
	check_bytes((const uint8_t *)streams, n * sizeof *streams);
}

void exec_exited(struct run *r, uint32_t stream, int code)
{
	FUZZ_CHECK(code >= 0 && code <= 255);
}

bool task_message(struct agent *a, const struct wire_message *m)
{
	FUZZ_CHECK(m->stream & TASK_STREAM && a->greeted);
	check_bytes(m->payload, m->len);
	return true;
}

bool layer_message(struct agent *a, const struct wire_message *m)
{
	return true;
}

void intents_paused(struct container *c, bool paused)
{
}

/* The jobs aren't run, only made and freed. */
int store_probe(struct store *s, const char *container, const char *run, const struct probe *p, struct err *e)
{
	return 0;
}

bool input_grant(struct input *in, uint32_t bytes)
{
	return bytes < INT32_MAX;
}

void input_send(struct input *in, struct agent *agent, uint32_t stream)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct gateway gw = { 0 };
	struct container c = { 0 };
	struct run r = { .gw = &gw, .container = &c, .id = "0123456789abcdef" };
	struct agent a = { .run = &r };
	bool ok = true;

	setenv("SOCKERLESS_LOG_LEVEL", "error", 1);
	log_init("fuzz");
	while (ok && in.len >= 2) {
		size_t len = (size_t)fuzz_byte(&in) << 8;
		struct wire_message m;
		char *message;

		len |= fuzz_byte(&in);
		len = len < in.len ? len : in.len;
		message = fuzz_copy(in.data, len);
		ok = wire_parse((const uint8_t *)message, len, &m) && agent_message(&a, &m);
		FUZZ_CHECK(!ok || a.greeted || m.type == WIRE_PING);
		free(message);
		in.data += len;
		in.len -= len;
	}
	return 0;
}
