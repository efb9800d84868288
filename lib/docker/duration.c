#include "lib/docker/duration.h"

#include <stdio.h>

void duration_format(char text[DURATION_TEXT_MAX], int64_t ns)
{
	long long seconds = ns / 1000000000, minutes = seconds / 60, hours = (seconds + 1800) / 3600;

	if (seconds < 1)
		snprintf(text, DURATION_TEXT_MAX, "Less than a second");
	else if (seconds == 1)
		snprintf(text, DURATION_TEXT_MAX, "1 second");
	else if (seconds < 60)
		snprintf(text, DURATION_TEXT_MAX, "%lld seconds", seconds);
	else if (minutes == 1)
		snprintf(text, DURATION_TEXT_MAX, "About a minute");
	else if (minutes < 60)
		snprintf(text, DURATION_TEXT_MAX, "%lld minutes", minutes);
	else if (hours == 1)
		snprintf(text, DURATION_TEXT_MAX, "About an hour");
	else if (hours < 48)
		snprintf(text, DURATION_TEXT_MAX, "%lld hours", hours);
	else if (hours < 24 * 7 * 2)
		snprintf(text, DURATION_TEXT_MAX, "%lld days", hours / 24);
	else if (hours < 24 * 30 * 2)
		snprintf(text, DURATION_TEXT_MAX, "%lld weeks", hours / 24 / 7);
	else if (hours < 24 * 365 * 2)
		snprintf(text, DURATION_TEXT_MAX, "%lld months", hours / 24 / 30);
	else
		snprintf(text, DURATION_TEXT_MAX, "%lld years", seconds / 3600 / 24 / 365);
}
