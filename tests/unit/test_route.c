#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/route.h"

static void check(const char *method, const char *uri, enum route_result result, const char *handler, const char *name, int minor)
{
	struct route_match m;
	struct err e;

	assert_int_equal(route_match(method, uri, &m, &e), 0);
	if (m.result != result)
		fail_msg("%s %s: result %d", method, uri, m.result);
	if (result == ROUTE_FOUND) {
		assert_int_equal(m.minor, minor);
		if (handler)
			assert_string_equal(m.handler_name, handler);
		else
			assert_null(m.handler_name);
		if (name)
			assert_string_equal(m.name, name);
		else
			assert_null(m.name);
	}
	route_match_free(&m);
}

static void finds_handlers(void **state)
{
	check("GET", "/_ping", ROUTE_FOUND, "ping", NULL, 47);
	check("HEAD", "/v1.30/_ping", ROUTE_FOUND, "ping", NULL, 30);
	check("GET", "/v1.43/containers/json?all=1", ROUTE_FOUND, "container_list", NULL, 43);
	check("GET", "/containers/json/json", ROUTE_FOUND, "container_inspect", "json", 47);
	check("GET", "/v1.24/containers/a%2Fb%20c/json", ROUTE_FOUND, "container_inspect", "a/b c", 24);
	check("DELETE", "/containers/x", ROUTE_FOUND, "container_remove", "x", 47);
	check("POST", "/containers/create?name=x", ROUTE_FOUND, "container_create", NULL, 47);
	check("POST", "/exec/abc/start", ROUTE_FOUND, "exec_start", "abc", 47);
	check("GET", "http://docker/v1.47/version?x", ROUTE_FOUND, "version", NULL, 47);
	check("GET", "/.agent/connect?run=1", ROUTE_FOUND, "agent_connect", NULL, 47);
}

static void takes_references_apart(void **state)
{
	check("GET", "/images/busybox/json", ROUTE_FOUND, "image_inspect", "busybox", 47);
	check("GET", "/images/127.0.0.1:5000/a/b:c/json", ROUTE_FOUND, "image_inspect", "127.0.0.1:5000/a/b:c", 47);
	check("GET", "/images/127.0.0.1:5000%2Fa/b@sha256:0/json", ROUTE_FOUND, "image_inspect", "127.0.0.1:5000/a/b@sha256:0", 47);
	check("GET", "/images/json", ROUTE_FOUND, "image_list", NULL, 47);
	check("GET", "/images/json/json", ROUTE_FOUND, "image_inspect", "json", 47);
	check("DELETE", "/images/a/b/c", ROUTE_FOUND, "image_remove", "a/b/c", 47);
	check("POST", "/images/create", ROUTE_FOUND, "image_create", NULL, 47);
	check("POST", "/images/127.0.0.1:5000/a/push", ROUTE_FOUND, "image_push", "127.0.0.1:5000/a", 47);
	check("DELETE", "/images/", ROUTE_UNKNOWN, NULL, NULL, 0);
	check("DELETE", "/images", ROUTE_UNKNOWN, NULL, NULL, 0);
}

static void judges_versions(void **state)
{
	check("GET", "/v1.47/version", ROUTE_FOUND, "version", NULL, 47);
	check("GET", "/v1.48/version", ROUTE_TOO_NEW, NULL, NULL, 0);
	check("GET", "/v2.0/version", ROUTE_TOO_NEW, NULL, NULL, 0);
	check("GET", "/v99999999999999999999999.1/version", ROUTE_TOO_NEW, NULL, NULL, 0);
	check("GET", "/v1.99999999999999999999999/version", ROUTE_TOO_NEW, NULL, NULL, 0);
	check("GET", "/v1.23/version", ROUTE_TOO_OLD, NULL, NULL, 0);
	check("GET", "/v0/version", ROUTE_TOO_OLD, NULL, NULL, 0);
	check("GET", "/v./version", ROUTE_TOO_OLD, NULL, NULL, 0);
	check("GET", "/v1.41x/version", ROUTE_UNKNOWN, NULL, NULL, 0);
	check("GET", "/vfoo/version", ROUTE_UNKNOWN, NULL, NULL, 0);
	check("GET", "/v/version", ROUTE_UNKNOWN, NULL, NULL, 0);
	check("GET", "/v1.99/nosuch", ROUTE_UNKNOWN, NULL, NULL, 0);
	check("GET", "/v1.43", ROUTE_UNKNOWN, NULL, NULL, 0);
	check("GET", "/v1.43/v1.43/version", ROUTE_UNKNOWN, NULL, NULL, 0);
	check("GET", "/v1.43/.agent/connect", ROUTE_UNKNOWN, NULL, NULL, 0);
}

static void refuses_hostile_paths(void **state)
{
	static const char *const paths[] = {
		"", "*", "/", "?", "version", "/%", "/%0", "/%00", "/_pin%67%00", "/containers/%00/json", "/containers/%2e/json",
		"/containers/%2E%2e/json", "/containers/a\nb/json", "/containers/a b/json", "/containers/a\\b/json", "/containers/a#/json",
		"/containers/json/", "/containers/a/json/", "/version/", "http://", "http://a", "http:/version", "https://a?/version",
		"/containers/%/json", "/containers/%a/json", "/containers/%gg/json", "/images/%2e%2e/json", "/\177",
	};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		check("GET", paths[i], ROUTE_UNKNOWN, NULL, NULL, 0);
	check("PUT", "/version", ROUTE_UNKNOWN, NULL, NULL, 0);
	check("", "/version", ROUTE_UNKNOWN, NULL, NULL, 0);
	check("get", "/version", ROUTE_UNKNOWN, NULL, NULL, 0);
}

static void refuses_too_many_segments(void **state)
{
	char uri[2 * 200 + 32] = "/images";

	for (int i = 0; i < 200; i++)
		strcat(uri, "/a");
	strcat(uri, "/json");
	check("GET", uri, ROUTE_UNKNOWN, NULL, NULL, 0);
}

static void moves_unclean_paths(void **state)
{
	static const struct {
		const char *uri, *location;
	} moves[] = {
		{ "//version", "/version" },         { "/v1.43//containers//json?a=//b", "/v1.43/containers/json?a=//b" },
		{ "//evil/x", "/evil/x" },           { "///", "/" },
		{ "/a/../version", "/version" },     { "/../..", "/" },
		{ "/./version", "/version" },        { "/a/b/../../c/", "/c/" },
		{ "/a/..", "/" },                    { "/a//", "/a/" },
	};

	for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
		struct route_match m;
		struct err e;

		assert_int_equal(route_match("GET", moves[i].uri, &m, &e), 0);
		assert_int_equal(m.result, ROUTE_MOVED);
		assert_string_equal(m.location, moves[i].location);
		route_match_free(&m);
	}
}

static void tells_what_is_missing(void **state)
{
	struct route_match m;
	struct err e;

	assert_int_equal(route_match("GET", "/swarm", &m, &e), 0);
	assert_int_equal(m.missing_status, 503);
	assert_null(m.name);
	route_match_free(&m);
	assert_int_equal(route_match("GET", "/plugins/a/b/json", &m, &e), 0);
	assert_int_equal(m.missing_status, 404);
	assert_string_equal(m.missing_reason, "plugin \"%s\" not found");
	assert_string_equal(m.name, "a/b");
	route_match_free(&m);
}

static void decodes(void **state)
{
	char *out;

	assert_true(route_decode("a%2Fb+c%7e", 10, false, &out));
	assert_string_equal(out, "a/b+c~");
	free(out);
	assert_true(route_decode("a+b", 3, true, &out));
	assert_string_equal(out, "a b");
	free(out);
	assert_true(route_decode("%41", 3, true, &out));
	assert_string_equal(out, "A");
	free(out);
	assert_true(route_decode("", 0, true, &out));
	assert_string_equal(out, "");
	free(out);
	assert_false(route_decode("%4", 2, true, &out));
	assert_false(route_decode("%411", 2, true, &out));
	assert_false(route_decode("%00", 3, true, &out));
	assert_false(route_decode("%-1", 3, true, &out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_handlers),        cmocka_unit_test(takes_references_apart),
		cmocka_unit_test(judges_versions),       cmocka_unit_test(refuses_hostile_paths),
		cmocka_unit_test(refuses_too_many_segments), cmocka_unit_test(moves_unclean_paths),
		cmocka_unit_test(tells_what_is_missing), cmocka_unit_test(decodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
