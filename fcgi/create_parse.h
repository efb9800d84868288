/* Small texts within a create body: sizes, ports. */
#ifndef SOCKERLESS_CREATE_PARSE_H
#define SOCKERLESS_CREATE_PARSE_H

#include <stdbool.h>
#include <stdint.h>

/* "512m", "10G", "1024": bytes, units by 1024. */
bool parse_size(const char *text, int64_t *ret);

/* A port or a range of ports with an optional protocol: "80", "80/tcp", "8000-8010/udp". */
bool parse_port(const char *text);

#endif
