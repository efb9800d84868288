/* The documents of an image archive: lines "name\ttext", or "name\t>target" for a link. */
#include "tests/fuzz/fuzz.h"

#include "lib/json.h"
#include "lib/registry/archive_plan.h"

static void add_line(struct archive_documents *d, char *line, size_t len)
{
	char *tab = memchr(line, '\t', len);
	char *name;

	if (!tab)
		return;
	*tab++ = '\0';
	name = archive_name(NULL, line);
	if (name && *tab == '>') {
		char *target = archive_name("a/b", tab + 1);

		FUZZ_CHECK(!target || (*target != '/' && !strstr(target, "//")));
		if (target)
			FUZZ_CHECK(json_add(d->links, name, json_string(target)));
		free(target);
	} else if (name) {
		FUZZ_CHECK(json_add(d->texts, name, json_object_new_string_len(tab, (int)(line + len - tab))));
	}
	free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct archive_documents d = { json_object_new_object(), json_object_new_object() };
	struct json_object *plan = NULL;
	struct err e = { 0 };

	FUZZ_CHECK(d.texts && d.links);
	while (in.len) {
		size_t len;
		char *line = fuzz_text(&in, '\n', &len);

		add_line(&d, line, len);
		free(line);
	}
	if (archive_plan(&d, "amd64", &plan, &e) < 0) {
		FUZZ_CHECK(e.kind && *e.text && !plan);
	} else {
		FUZZ_CHECK(json_object_array_length(plan) <= ARCHIVE_IMAGES_MAX);
		for (size_t i = 0; i < json_object_array_length(plan); i++) {
			struct json_object *entry = json_object_array_get_idx(plan, i);

			FUZZ_CHECK(json_str(entry, "config", NULL) && json_array(entry, "layers") && json_array(entry, "names"));
		}
	}
	json_object_put(plan);
	json_object_put(d.texts);
	json_object_put(d.links);
	return 0;
}
