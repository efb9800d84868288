/* Signals as Docker's clients name them, and Linux's numbers for them. */
#ifndef SOCKERLESS_DOCKER_SIGNALS_H
#define SOCKERLESS_DOCKER_SIGNALS_H

#define SIGNAL_TEXT_MAX 16

/* "SIGKILL", "kill", "9", "RTMIN+3" -> number; -1 for anything else. */
int signal_parse(const char *text);
/* The name without SIG ("KILL"), or the number where there is none: real-time signals. */
void signal_format(char text[SIGNAL_TEXT_MAX], int number);

#endif
