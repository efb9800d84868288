#include "lib/registry/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

/* Of IPv4, in host order. */
static const struct {
	in_addr_t network;
	int bits;
} reserved[] = {
	{ 0x00000000, 8 },  /* this network */
	{ 0x0a000000, 8 },  /* private */
	{ 0x64400000, 10 }, /* shared by providers */
	{ 0x7f000000, 8 },  /* loopback */
	{ 0xa9fe0000, 16 }, /* link-local */
	{ 0xac100000, 12 }, /* private */
	{ 0xc0000000, 24 }, /* protocol assignments */
	{ 0xc0a80000, 16 }, /* private */
	{ 0xc6120000, 15 }, /* benchmarks */
	{ 0xe0000000, 3 },  /* multicast and what follows */
};

static bool public_4(in_addr_t a)
{
	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
		if ((a ^ reserved[i].network) >> (32 - reserved[i].bits) == 0)
			return false;
	return true;
}

/* Global unicast is 2000::/3; 6to4 holds an IPv4 address. */
static bool public_6(const struct in6_addr *a)
{
	const unsigned char *b = a->s6_addr;
	in_addr_t inner;

	if (IN6_IS_ADDR_V4MAPPED(a)) {
		memcpy(&inner, b + 12, sizeof inner);
		return public_4(ntohl(inner));
	}
	if (b[0] == 0x20 && b[1] == 0x02) {
		memcpy(&inner, b + 2, sizeof inner);
		return public_4(ntohl(inner));
	}
	return b[0] >> 5 == 1;
}

bool address_public(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return public_4(ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr));
	return a->sa_family == AF_INET6 && public_6(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}
