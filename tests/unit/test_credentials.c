#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/aws/credentials.h"
#include "lib/aws/credentials_parse.h"
#include "lib/aws/endpoint.h"

static char directory[] = "/tmp/test-credentials-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int setup(void **state)
{
	static const char *const names[] = {
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION",
		"AWS_DEFAULT_REGION", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA",
	};
	char path[256];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	snprintf(path, sizeof path, "%s/credentials", directory);
	setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
	unlink(path);
	snprintf(path, sizeof path, "%s/config", directory);
	setenv("AWS_CONFIG_FILE", path, 1);
	unlink(path);
	return 0;
}

static void takes_the_environment_first(void **state)
{
	struct aws_credentials c = { 0 };
	struct err e = { 0 };

	(void)state;
	write_file("credentials", "[default]\naws_access_key_id=F\naws_secret_access_key=G\n");
	setenv("AWS_ACCESS_KEY_ID", "A", 1);
	assert_int_equal(aws_credentials_load(&c, &e), -1);
	assert_int_equal(e.kind, ERR_UNAUTHORIZED);
	setenv("AWS_SECRET_ACCESS_KEY", "B", 1);
	assert_int_equal(aws_credentials_load(&c, &e), 0);
	assert_string_equal(c.access_key_id, "A");
	assert_null(c.session_token);
	assert_false(aws_credentials_stale(&c, 1));
	aws_credentials_free(&c);
}

static void reads_profiles(void **state)
{
	struct aws_credentials c = { 0 };
	char *region = NULL;

	(void)state;
	write_file("credentials", "# x\n[default]\naws_access_key_id = F\naws_secret_access_key = G\n[other]\naws_access_key_id=H\r\n"
				  "aws_secret_access_key = I=J\naws_session_token = T \n");
	write_file("config", "[profile other]\nregion = eu-west-1\ns3 =\n  region = nested\n[default]\nregion=us-east-2\n");
	assert_int_equal(aws_credentials_load(&c, NULL), 0);
	assert_string_equal(c.access_key_id, "F");
	aws_credentials_free(&c);
	setenv("AWS_PROFILE", "other", 1);
	assert_int_equal(aws_credentials_load(&c, NULL), 0);
	assert_string_equal(c.access_key_id, "H");
	assert_string_equal(c.secret_access_key, "I=J");
	assert_string_equal(c.session_token, "T");
	aws_credentials_free(&c);
	assert_int_equal(aws_region_find(&region, NULL), 0);
	assert_string_equal(region, "eu-west-1");
	free(region);
}

static void runs_credential_process(void **state)
{
	struct aws_credentials c = { 0 };
	struct err e = { 0 };

	(void)state;
	write_file("config", "[default]\ncredential_process = echo "
			     "'{\"Version\":1,\"AccessKeyId\":\"P\",\"SecretAccessKey\":\"Q\",\"Expiration\":\"2020-01-01T00:00:00Z\"}'\n");
	assert_int_equal(aws_credentials_load(&c, &e), 0);
	assert_string_equal(c.access_key_id, "P");
	assert_int_equal(c.expires, 1577836800);
	assert_true(aws_credentials_stale(&c, 1577836800 - 299));
	assert_false(aws_credentials_stale(&c, 1577836800 - 301));
	aws_credentials_free(&c);
	write_file("config", "[default]\ncredential_process = exit 3\n");
	assert_int_equal(aws_credentials_load(&c, &e), -1);
	write_file("config", "[default]\ncredential_process = echo nonsense\n");
	assert_int_equal(aws_credentials_load(&c, &e), -1);
}

static void says_when_there_are_none(void **state)
{
	struct aws_credentials c = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(aws_credentials_load(&c, &e), -1);
	assert_int_equal(e.kind, ERR_UNAUTHORIZED);
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1.evil.example/x", 1);
	assert_int_equal(aws_credentials_load(&c, &e), -1);
	assert_non_null(strstr(e.text, "local host"));
	unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	write_file("config", "[default]\nrole_arn = arn:x\nsource_profile = y\n");
	assert_int_equal(aws_credentials_load(&c, &e), -1);
	assert_non_null(strstr(e.text, "role_arn"));
}

static void parses_times(void **state)
{
	(void)state;
	assert_int_equal(aws_time_parse("2015-08-30T12:36:00Z"), 1440938160);
	assert_int_equal(aws_time_parse("2015-08-30T12:36:00.123Z"), 1440938160);
	assert_int_equal(aws_time_parse("2015-08-30T14:36:00+02:00"), 1440938160);
	assert_int_equal(aws_time_parse("yesterday"), -1);
}

static const struct {
	const char *url, *base, *host, *path;
} endpoints[] = {
	{ "http://127.0.0.1:9000", "http://127.0.0.1:9000", "127.0.0.1:9000", "" },
	{ "https://x.example:443/", "https://x.example", "x.example", "" },
	{ "http://x.example:80/a/b/", "http://x.example", "x.example", "/a/b" },
	{ "ftp://x", NULL, NULL, NULL },
	{ "nonsense url", NULL, NULL, NULL },
};

static void parses_endpoints(void **state)
{
	struct aws_endpoint p = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
		int rc = aws_endpoint_parse(endpoints[i].url, &p, NULL);

		assert_int_equal(rc, endpoints[i].base ? 0 : -1);
		if (rc < 0)
			continue;
		assert_string_equal(p.base, endpoints[i].base);
		assert_string_equal(p.host, endpoints[i].host);
		assert_string_equal(p.path, endpoints[i].path);
		aws_endpoint_free(&p);
	}
	assert_int_equal(aws_endpoint_find(AWS_ECR, "eu-west-1", &p, NULL), 0);
	assert_string_equal(p.base, "https://api.ecr.eu-west-1.amazonaws.com");
	aws_endpoint_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(takes_the_environment_first, setup), cmocka_unit_test_setup(reads_profiles, setup),
		cmocka_unit_test_setup(runs_credential_process, setup), cmocka_unit_test_setup(says_when_there_are_none, setup),
		cmocka_unit_test_setup(parses_times, setup), cmocka_unit_test_setup(parses_endpoints, setup),
	};
	int rc;

	if (!mkdtemp(directory))
		return 99;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	setup(NULL);
	rmdir(directory);
	return rc;
}
