#include "fcgi/log_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATTERN_MAX 1000    /* bytes */
#define MATCH_STEPS 100000  /* of one match */
#define MATCH_DEPTH 1000
#define MATCH_KB 1024
#define TEXT_MAX 4096       /* bytes; steps are no measure for how much of a text one looks at */
#define ALL_NS 500000000    /* of the processor, for all texts */

struct log_pattern {
	const char *option;
	pcre2_code *code;
	pcre2_match_context *limits;
	pcre2_match_data *data;
	int64_t spent; /* ns */
};

int log_pattern_new(struct log_pattern **ret, const char *option, const char *text, struct err *e)
{
	/* As Go's regexp: "$" is the end alone. */
	const uint32_t flags = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
	LOG_PATTERN_CLEANUP struct log_pattern *p = calloc(1, sizeof *p);
	PCRE2_SIZE at = 0;
	int error = 0;

	if (!p)
		return err_nomem(e);
	if (strlen(text) > PATTERN_MAX)
		return err_set(e, ERR_INVALID, "%s of more than %d bytes is not supported", option, PATTERN_MAX);
	p->option = option;
	p->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, flags, &error, &at, NULL);
	if (!p->code) {
		PCRE2_UCHAR reason[128];

		pcre2_get_error_message(error, reason, sizeof reason);
		return err_set(e, ERR_INVALID, "error parsing regexp of %s: %s at %zu", option, (const char *)reason, at);
	}
	p->limits = pcre2_match_context_create(NULL);
	p->data = pcre2_match_data_create_from_pattern(p->code, NULL);
	if (!p->limits || !p->data)
		return err_nomem(e);
	pcre2_set_match_limit(p->limits, MATCH_STEPS);
	pcre2_set_depth_limit(p->limits, MATCH_DEPTH);
	pcre2_set_heap_limit(p->limits, MATCH_KB);
	*ret = p;
	p = NULL;
	return 0;
}

void log_pattern_free(struct log_pattern **p)
{
	if (!*p)
		return;
	pcre2_match_data_free((*p)->data);
	pcre2_match_context_free((*p)->limits);
	pcre2_code_free((*p)->code);
	free(*p);
	*p = NULL;
}

static int64_t processor_ns(void)
{
	struct timespec t;

	return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) < 0 ? 0 : (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int log_pattern_matches(struct log_pattern *p, const char *text, struct err *e)
{
	int64_t begun = processor_ns();
	size_t len = strlen(text);
	int rc = PCRE2_ERROR_MATCHLIMIT;

	if (len <= TEXT_MAX && p->spent < ALL_NS)
		rc = pcre2_match(p->code, (PCRE2_SPTR)text, len, 0, 0, p->data, p->limits);
	p->spent += processor_ns() - begun;
	if (rc >= 0 || rc == PCRE2_ERROR_NOMATCH)
		return rc >= 0;
	return err_set(e, ERR_NOT_SUPPORTED, "%s that takes so much to match is not supported", p->option);
}
