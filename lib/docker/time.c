#include "lib/docker/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS 1000000000LL

static void format(char *text, int64_t ns, bool fixed)
{
	time_t seconds = (time_t)(ns / NS);
	struct tm tm;
	char day[24], fraction[16] = "";

	gmtime_r(&seconds, &tm);
	strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(fraction, sizeof fraction, ".%09d", (int)(ns % NS));
	if (!fixed) {
		size_t len = strlen(fraction);

		while (fraction[len - 1] == '0')
			fraction[--len] = '\0';
		if (len == 1)
			fraction[0] = '\0';
	}
	snprintf(text, TIME_TEXT_MAX, "%s%sZ", day, fraction);
}

void time_format(char text[TIME_TEXT_MAX], int64_t ns)
{
	if (ns <= 0)
		snprintf(text, TIME_TEXT_MAX, "0001-01-01T00:00:00Z");
	else
		format(text, ns, false);
}

void time_format_fixed(char text[TIME_TEXT_MAX], int64_t ns)
{
	format(text, ns < 0 ? 0 : ns, true);
}

bool time_parse_unix(const char *text, int64_t *ret_ns)
{
	int64_t seconds = 0, fraction = 0;
	size_t digits = strspn(text, "0123456789");

	if (!*text) {
		*ret_ns = 0;
		return true;
	}
	if (digits == 0 || digits > 18)
		return false;
	seconds = strtoll(text, NULL, 10);
	if (seconds > INT64_MAX / NS - 1)
		seconds = INT64_MAX / NS - 1;
	text += digits;
	if (*text == '.') {
		int64_t unit = NS / 10;

		for (text++; *text >= '0' && *text <= '9'; text++, unit /= 10)
			fraction += unit * (*text - '0');
	}
	if (*text)
		return false;
	*ret_ns = seconds * NS + fraction;
	return true;
}
