/* Which addresses of the network are everybody's. */
#ifndef SOCKERLESS_REGISTRY_ADDRESS_H
#define SOCKERLESS_REGISTRY_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* False for loopback, link-local (a cloud's metadata service), private, shared and multicast networks, and for families other than IP. */
bool address_public(const struct sockaddr *a);

#endif
