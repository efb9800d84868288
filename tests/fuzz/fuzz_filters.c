/* The filters of lists, and other small texts of queries: "text" NUL "filters". */
#include "tests/fuzz/fuzz.h"

#include "lib/docker/filters.h"
#include "lib/docker/names.h"
#include "lib/docker/signals.h"
#include "lib/docker/time.h"
#include "lib/json.h"

static void check_texts(const char *text)
{
	char written[TIME_TEXT_MAX];
	int64_t ns;
	int number = signal_parse(text);

	if (time_parse_unix(text, &ns)) {
		time_format(written, ns);
		time_format_fixed(written, ns);
	}
	FUZZ_CHECK(number == -1 || (number > 0 && number <= 64));
	if (number > 0) {
		signal_format(written, number);
		FUZZ_CHECK(signal_parse(written) == number);
	}
	(void)name_valid(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const accepted[] = { "label", "name", "status", NULL };
	CLEANUP_JSON struct json_object *filters = NULL;
	CLEANUP_JSON struct json_object *labels = NULL;
	struct fuzz_input in = { data, size };
	struct err e = { 0 };
	size_t len;
	char *text = fuzz_text(&in, '\0', NULL), *rest = fuzz_rest(&in, &len);

	check_texts(text);
	FUZZ_CHECK(json_parse("{\"a\":\"b\",\"c\":\"\"}", 16, &labels, &e) == 0);
	if (filters_parse(rest, &filters, &e) == 0) {
		FUZZ_CHECK(json_object_is_type(filters, json_type_object));
		(void)filters_check(filters, accepted, &e);
		(void)filters_match(filters, "name", text);
		(void)filters_exact(filters, "status", text);
		(void)filters_match_labels(filters, "label", labels);
		(void)filters_boolean(filters, "dangling", 0, &e);
	}
	free(text);
	free(rest);
	return 0;
}
