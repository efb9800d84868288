#include "lib/netns/netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/route.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"

#define BACKLOG 128

int netns_host_read(struct netns_host *ret, struct err *e)
{
	struct netns_host host = { .count = 0 };
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0)
		return err_errno(e, errno, "reading the host's addresses");
	for (struct ifaddrs *i = all; i && host.count < NETNS_HOST_ADDRESSES_MAX; i = i->ifa_next)
		if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET && !(i->ifa_flags & IFF_LOOPBACK))
			host.addresses[host.count++] = ((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr;
	freeifaddrs(all);
	*ret = host;
	return 0;
}

static struct sockaddr ipv4(uint32_t address)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = address };
	struct sockaddr out;

	memcpy(&out, &in, sizeof out);
	return out;
}

static int interface_up(int sock, const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_UP | IFF_RUNNING };

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	return ioctl(sock, SIOCSIFFLAGS, &request);
}

static int interface_address(int sock, const char *name, const char *address, const char *mask)
{
	struct ifreq request = { .ifr_addr = ipv4(inet_addr(address)) };

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (ioctl(sock, SIOCSIFADDR, &request) < 0)
		return -1;
	request.ifr_netmask = ipv4(inet_addr(mask));
	return ioctl(sock, SIOCSIFNETMASK, &request);
}

int netns_up(struct err *e)
{
	CLEANUP_CLOSE int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sock < 0 || interface_up(sock, "lo") < 0 || interface_address(sock, "lo:1", NETNS_ADDRESS, "255.255.255.255") < 0)
		return err_errno(e, errno, "setting up the sandbox's network");
	return 0;
}

static int route_refuse(int sock, uint32_t address, uint32_t mask)
{
	struct rtentry route = {
		.rt_dst = ipv4(address),
		.rt_genmask = ipv4(mask),
		.rt_flags = (unsigned short)(RTF_UP | RTF_REJECT | (mask == INADDR_NONE ? RTF_HOST : 0)),
	};

	return ioctl(sock, SIOCADDRT, &route) < 0 && errno != EEXIST ? -1 : 0;
}

int netns_refuse(const struct netns_host *host, struct err *e)
{
	CLEANUP_CLOSE int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sock < 0 || route_refuse(sock, htonl(0xa9fe0000), htonl(0xffff0000)) < 0)
		return err_errno(e, errno, "refusing link-local addresses inside the sandbox");
	for (unsigned i = 0; i < host->count; i++)
		if (route_refuse(sock, host->addresses[i].s_addr, INADDR_NONE) < 0)
			return err_errno(e, errno, "refusing the host's addresses inside the sandbox");
	return 0;
}

int netns_listen(const struct sockaddr_in *address, int *ret_fd, struct err *e)
{
	CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr generic;
	int on = 1;

	memcpy(&generic, address, sizeof generic);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 || bind(fd, &generic, sizeof generic) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return err_errno(e, errno, "listening at port %u inside the sandbox", ntohs(address->sin_port));
	*ret_fd = fd;
	fd = -1;
	return 0;
}
