#include "lib/docker/signals.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Go's syscall.Signal numbers real-time signals from 34, as glibc does. */
#define RT_FIRST 34
#define RT_LAST 64

static const struct {
	const char *name;
	int number;
} names[] = {
	{ "HUP", 1 },   { "INT", 2 },     { "QUIT", 3 },  { "ILL", 4 },    { "TRAP", 5 },  { "ABRT", 6 },  { "BUS", 7 },
	{ "FPE", 8 },   { "KILL", 9 },    { "USR1", 10 }, { "SEGV", 11 },  { "USR2", 12 }, { "PIPE", 13 }, { "ALRM", 14 },
	{ "TERM", 15 }, { "STKFLT", 16 }, { "CHLD", 17 }, { "CONT", 18 },  { "STOP", 19 }, { "TSTP", 20 }, { "TTIN", 21 },
	{ "TTOU", 22 }, { "URG", 23 },    { "XCPU", 24 }, { "XFSZ", 25 },  { "VTALRM", 26 }, { "PROF", 27 }, { "WINCH", 28 },
	{ "POLL", 29 },   { "PWR", 30 },    { "SYS", 31 },  { "CLD", 17 },   { "IOT", 6 },   { "IO", 29 }, { "UNUSED", 31 },
};

static int parse_number(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	int number;

	if (digits == 0 || digits > 2 || text[digits])
		return -1;
	number = atoi(text);
	return number >= 1 && number <= RT_LAST ? number : -1;
}

static int parse_real_time(const char *text)
{
	int number;

	if (strcasecmp(text, "RTMIN") == 0)
		return RT_FIRST;
	if (strcasecmp(text, "RTMAX") == 0)
		return RT_LAST;
	if (strncasecmp(text, "RTMIN+", 6) == 0) {
		number = parse_number(text + 6);
		return number >= 1 && number <= 15 ? RT_FIRST + number : -1;
	}
	if (strncasecmp(text, "RTMAX-", 6) == 0) {
		number = parse_number(text + 6);
		return number >= 1 && number <= 14 ? RT_LAST - number : -1;
	}
	return -1;
}

int signal_parse(const char *text)
{
	int number = parse_number(text);

	if (number > 0)
		return number;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcasecmp(names[i].name, text) == 0)
			return names[i].number;
	return parse_real_time(text);
}

void signal_format(char text[SIGNAL_TEXT_MAX], int number)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (names[i].number == number) {
			snprintf(text, SIGNAL_TEXT_MAX, "%s", names[i].name);
			return;
		}
	}
	snprintf(text, SIGNAL_TEXT_MAX, "%d", number);
}
