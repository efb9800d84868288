/* One invocation in an environment, from its START line to its REPORT. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "local-lambda/clock.h"
#include "local-lambda/environment.h"

/* So long the result waits for the next call of `next`, to have the REPORT in the tail; a runtime that is slow to call doesn't delay its caller. */
#define NEXT_MS 200

enum outcome { OUTCOME_ANSWERED, OUTCOME_TIMEOUT, OUTCOME_EXITED, OUTCOME_INIT_ERROR, OUTCOME_STOPPED, OUTCOME_NO_START };

static void finish(struct environment *v)
{
	struct invocation *i = v->invocation;

	if (!i)
		return;
	i->tail_len = output_tail(&v->output, i->tail);
	i->done = true;
	v->invocation = NULL;
	pthread_cond_broadcast(&i->changed);
}

static void finish_error(struct environment *v, const char *type, const char *message)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	struct invocation *i = v->invocation;

	if (!i)
		return;
	if (o && json_add_str(o, "errorType", type) && json_add_str(o, "errorMessage", message)) {
		buf_reset(&i->result);
		buf_puts(&i->result, json_text(o));
	}
	i->function_error = "Unhandled";
}

/* Both waits end for the same reasons; OUTCOME_ANSWERED: for none of them. */
static enum outcome interrupted(const struct environment *v, int64_t deadline)
{
	if (v->stop)
		return OUTCOME_STOPPED;
	if (v->exited)
		return v->init_failed ? OUTCOME_INIT_ERROR : OUTCOME_EXITED;
	if (v->init_failed)
		return OUTCOME_INIT_ERROR;
	return mono_ms() >= deadline ? OUTCOME_TIMEOUT : OUTCOME_ANSWERED;
}

static enum outcome await_ready(struct environment *v, int64_t deadline)
{
	enum outcome o = OUTCOME_ANSWERED;

	while (!v->waiting && (o = interrupted(v, deadline)) == OUTCOME_ANSWERED)
		environment_wait(v, deadline);
	return v->waiting ? OUTCOME_ANSWERED : o;
}

/* From handing the invocation out to the next call of `next`. */
static enum outcome await_end(struct environment *v, int64_t deadline)
{
	int64_t answered = 0;
	enum outcome o;

	while (v->phase != PHASE_NONE) {
		int64_t until = deadline;

		if (v->phase == PHASE_ANSWERED && v->invocation) {
			answered = answered ? answered : mono_ms();
			if (mono_ms() >= answered + NEXT_MS)
				finish(v);
			else if (answered + NEXT_MS < deadline)
				until = answered + NEXT_MS;
		}
		o = interrupted(v, deadline);
		if (o != OUTCOME_ANSWERED)
			return o;
		environment_wait(v, until);
	}
	return OUTCOME_ANSWERED;
}

static enum outcome run(struct environment *v, int64_t deadline, struct err *e)
{
	enum outcome o;

	if (v->stop)
		return OUTCOME_STOPPED;
	if (!v->running && environment_process_start(v, e) < 0)
		return OUTCOME_NO_START;
	o = await_ready(v, deadline);
	if (o != OUTCOME_ANSWERED)
		return o;
	v->phase = PHASE_QUEUED;
	pthread_cond_broadcast(&v->changed);
	return await_end(v, deadline);
}

static void describe_exit(char *text, size_t size, int status)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "Runtime exited with error: signal: %s", WTERMSIG(status) == SIGKILL ? "killed" : strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		snprintf(text, size, "Runtime exited with error: exit status %d", WEXITSTATUS(status));
	else
		snprintf(text, size, "Runtime exited without providing a reason");
}

static const char *type_of_start_error(const struct err *e)
{
	if (strstr(e->text, "Runtime.InvalidWorkingDir"))
		return "Runtime.InvalidWorkingDir";
	return "Runtime.InvalidEntrypoint";
}

static const char *without_type(const char *text)
{
	const char *colon = strstr(text, ": ");

	return colon && !strncmp(text, "Runtime.", 8) ? colon + 2 : text;
}

/* The error an invocation ends with, as result and as log lines; `answered` invocations keep their result. Returns the REPORT's words on it. */
static void report_error(struct environment *v, enum outcome o, bool answered, int status, const struct err *e, char *words, size_t size)
{
	char why[512], text[1024], stamp[32];
	const char *type = o == OUTCOME_NO_START ? type_of_start_error(e) : "Runtime.ExitError";
	time_t now = time(NULL);
	struct tm tm;

	if (o == OUTCOME_TIMEOUT) {
		strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", gmtime_r(&now, &tm));
		snprintf(why, sizeof why, "Task timed out after %u.00 seconds", v->revision->timeout_seconds);
		output_platform(&v->output, "%s.%03dZ %s %s\n\n", stamp, (int)(wall_ms() % 1000), v->request_id, why);
		type = "Sandbox.Timedout";
		snprintf(words, size, "\tStatus: timeout");
	} else {
		if (o == OUTCOME_NO_START)
			snprintf(why, sizeof why, "%.500s", without_type(e->text));
		else if (o == OUTCOME_STOPPED)
			snprintf(why, sizeof why, "Runtime exited with error: signal: killed");
		else
			describe_exit(why, sizeof why, status);
		output_platform(&v->output, "RequestId: %s Error: %s\n%s\n", v->request_id, why, type);
		snprintf(words, size, "\tStatus: error\tError Type: %s", type);
	}
	if (answered)
		return;
	snprintf(text, sizeof text, "RequestId: %s Error: %s", v->request_id, why);
	if (o == OUTCOME_INIT_ERROR && v->invocation && v->init_error.len) {
		v->invocation->result = v->init_error;
		v->init_error = (struct buf)BUF_INIT;
		v->invocation->function_error = "Unhandled";
	} else {
		finish_error(v, type, text);
	}
}

static void report(struct environment *v, int64_t started, const char *words)
{
	int64_t duration = mono_ms() - started;
	unsigned peak = sandbox_memory_peak_mb(v->sandbox);
	char init[64] = "";
	/* What the kernel ended for lack of memory had it all, whatever the last sample says. */
	bool full = peak > v->revision->memory_mb || sandbox_oom_killed(v->sandbox);
	int64_t billed = (duration ? duration : 1) + (v->cold ? v->init_ms : 0);

	if (v->cold)
		snprintf(init, sizeof init, "\tInit Duration: %" PRId64 ".00 ms", v->init_ms);
	v->cold = false;
	output_platform(&v->output, "END RequestId: %s\n", v->request_id);
	output_platform(&v->output, "REPORT RequestId: %s\tDuration: %" PRId64 ".00 ms\tBilled Duration: %" PRId64 " ms\tMemory Size: %u MB\t"
			"Max Memory Used: %u MB%s%s\t\n", v->request_id, duration, billed, v->revision->memory_mb,
			full ? v->revision->memory_mb : peak, init, words);
}

void environment_serve(struct environment *v)
{
	int64_t started = mono_ms(), deadline = started + (int64_t)v->revision->timeout_seconds * 1000;
	struct err e = { 0 };
	char words[128] = "";
	enum outcome o;
	bool answered;

	memcpy(v->request_id, v->invocation->request_id, sizeof v->request_id);
	v->deadline_wall_ms = wall_ms() + (int64_t)v->revision->timeout_seconds * 1000;
	output_tail_reset(&v->output);
	output_platform(&v->output, "START RequestId: %s Version: $LATEST\n", v->request_id);
	if (v->running && v->exited)
		environment_process_reap(v);
	o = run(v, deadline, &e);
	answered = v->phase == PHASE_ANSWERED;
	if (o != OUTCOME_ANSWERED && o != OUTCOME_NO_START)
		environment_process_kill(v);
	output_drain(&v->output);
	if (o != OUTCOME_ANSWERED)
		report_error(v, o, answered, v->wait_status, &e, words, sizeof words);
	else if (v->invocation && v->invocation->function_error)
		snprintf(words, sizeof words, "\tStatus: error");
	report(v, started, words);
	/* Warm from this moment: a caller that invokes again at once gets this environment, frozen or not yet. */
	v->idle = true;
	v->idle_since = mono_ms();
	finish(v);
}
