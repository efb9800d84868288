/* Small texts within a create body: ports. */
#ifndef SOCKERLESS_CREATE_PARSE_H
#define SOCKERLESS_CREATE_PARSE_H

#include <stdbool.h>

/* A port or a range of ports with an optional protocol: "80", "80/tcp", "8000-8010/udp". */
bool parse_port(const char *text);

#endif
