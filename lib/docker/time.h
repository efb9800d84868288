/* Times as Docker's API writes and reads them. Inside the system: nanoseconds since the epoch. */
#ifndef SOCKERLESS_DOCKER_TIME_H
#define SOCKERLESS_DOCKER_TIME_H

#include <stdbool.h>
#include <stdint.h>

#define TIME_TEXT_MAX 40

/* RFC 3339 in UTC, trailing zeros of the fraction dropped (Go's RFC3339Nano); 0 is Go's zero time, 0001-01-01T00:00:00Z. */
void time_format(char text[TIME_TEXT_MAX], int64_t ns);
/* With all nine digits of the fraction, as `docker logs -t` shows it. */
void time_format_fixed(char text[TIME_TEXT_MAX], int64_t ns);

/*
 * since / until of logs and events: "", "0", seconds with an optional
 * fraction ("1700000000.5"). False if it is none of these; "" and "0" give 0.
 */
bool time_parse_unix(const char *text, int64_t *ret_ns);

#endif
