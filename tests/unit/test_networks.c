#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/docker/networks.h"
#include "lib/json.h"

static struct json_object *render(const char *endpoints, const char *mode, int minor)
{
	BUF_CLEANUP struct buf text = BUF_INIT;
	struct json_object *asked, *out;
	struct err e;

	assert_int_equal(json_parse(endpoints, strlen(endpoints), &asked, &e), 0);
	networks_put(&text, asked, mode, minor);
	json_object_put(asked);
	assert_false(text.failed);
	assert_int_equal(json_parse(text.data, text.len, &out, &e), 0);
	return out;
}

static void names_the_default_bridge(void **state)
{
	static const char *const defaults[][2] = {
		{ "{}", "default" }, { "{}", "" }, { "{\"default\":{}}", "default" }, { "{\"bridge\":null}", "bridge" }, { "null", "default" },
	};

	for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
		struct json_object *n = render(defaults[i][0], defaults[i][1], 47);

		assert_int_equal(json_object_object_length(n), 1);
		assert_non_null(json_obj(n, "bridge"));
		json_object_put(n);
	}
}

static void keeps_what_was_asked(void **state)
{
	struct json_object *n = render("{\"a\":{\"Aliases\":[\"x\"],\"IPAddress\":\"1.2.3.4\"},\"b\":{}}", "a", 43);

	assert_int_equal(json_object_object_length(n), 2);
	assert_int_equal(json_object_array_length(json_array(json_obj(n, "a"), "Aliases")), 1);
	assert_string_equal(json_str(json_obj(n, "a"), "IPAddress", NULL), "");
	json_object_put(n);
}

static void fields_come_with_versions(void **state)
{
	struct json_object *old = render("{}", "default", 43), *new = render("{}", "default", 44);

	assert_false(json_object_object_get_ex(json_obj(old, "bridge"), "DNSNames", NULL));
	assert_int_equal(json_object_object_length(json_obj(old, "bridge")), 13);
	assert_true(json_object_object_get_ex(json_obj(new, "bridge"), "DNSNames", NULL));
	assert_int_equal(json_object_object_length(json_obj(new, "bridge")), 14);
	json_object_put(old);
	json_object_put(new);
}

static void shows_exposed_ports(void **state)
{
	struct json_object *exposed, *ports;
	struct err e;

	assert_int_equal(json_parse("{\"80/tcp\":{}}", 13, &exposed, &e), 0);
	ports = networks_ports(exposed);
	assert_string_equal(json_text(ports), "{\"80/tcp\":null}");
	json_object_put(ports);
	json_object_put(exposed);
	ports = networks_ports(NULL);
	assert_string_equal(json_text(ports), "{}");
	json_object_put(ports);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_default_bridge),
		cmocka_unit_test(keeps_what_was_asked),
		cmocka_unit_test(fields_come_with_versions),
		cmocka_unit_test(shows_exposed_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
