/* Sizes as people write them: "512m", "10G", "1.5 kb", "1024". */
#ifndef SOCKERLESS_DOCKER_SIZE_H
#define SOCKERLESS_DOCKER_SIZE_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes; a unit is 1024 of the smaller one (memory, disks) or 1000 (log files). */
bool size_parse(const char *text, int64_t *ret);
bool size_parse_decimal(const char *text, int64_t *ret);

#endif
