/* How long ago, in the words that `docker ps` shows. */
#ifndef SOCKERLESS_DOCKER_DURATION_H
#define SOCKERLESS_DOCKER_DURATION_H

#include <stdint.h>

#define DURATION_TEXT_MAX 40

/* "Less than a second", "3 minutes", "About an hour", "2 weeks". */
void duration_format(char text[DURATION_TEXT_MAX], int64_t ns);

#endif
