/* Names of containers: the check of those that clients give, and made-up ones as dockerd makes them. */
#ifndef SOCKERLESS_DOCKER_NAMES_H
#define SOCKERLESS_DOCKER_NAMES_H

#include <stdbool.h>

#define NAME_GENERATED_MAX 64

/* "adjective_surname"; with `retry` > 0 a random digit follows, as dockerd does it when the name was taken. */
void name_generate(char ret[NAME_GENERATED_MAX], int retry);

/* [a-zA-Z0-9][a-zA-Z0-9_.-]+, without the leading slash. */
bool name_valid(const char *name);

#endif
