#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <string.h>
#include <sys/un.h>

#include "lib/registry/address.h"

static bool is_public(const char *text)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return address_public((const struct sockaddr *)(const void *)&v4);
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return address_public((const struct sockaddr *)(const void *)&v6);
}

static void addresses(void **state)
{
	static const struct {
		const char *text;
		bool open;
	} cases[] = {
		{ "127.0.0.1", false },	      { "127.255.255.255", false }, { "0.0.0.0", false },	 { "10.1.2.3", false },
		{ "172.15.255.255", true },   { "172.16.0.0", false },	    { "172.31.255.255", false }, { "172.32.0.0", true },
		{ "192.168.0.1", false },     { "192.167.0.1", true },	    { "169.254.169.254", false }, { "169.253.0.1", true },
		{ "100.64.0.1", false },      { "100.127.255.255", false }, { "100.128.0.0", true },	 { "198.18.0.1", false },
		{ "224.0.0.1", false },	      { "255.255.255.255", false }, { "8.8.8.8", true },	 { "1.1.1.1", true },
		{ "::", false },	      { "::1", false },		    { "fe80::1", false },	 { "fd00:ec2::254", false },
		{ "ff02::1", false },	      { "::ffff:10.0.0.1", false }, { "::ffff:8.8.8.8", true },	 { "2002:7f00:1::", false },
		{ "2002:808:808::1", true },  { "64:ff9b::a00:1", false },  { "2600:1f00::1", true },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (is_public(cases[i].text) != cases[i].open)
			fail_msg("%s", cases[i].text);
}

static void other_families(void **state)
{
	struct sockaddr_un u = { .sun_family = AF_UNIX };

	assert_false(address_public((const struct sockaddr *)(const void *)&u));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(addresses), cmocka_unit_test(other_families) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
