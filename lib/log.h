/*
 * The log of every program: one line to standard error for each event,
 * "program[pid] level text". What supervises the program keeps the lines.
 */
#ifndef SOCKERLESS_LOG_H
#define SOCKERLESS_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Names the program in each line; SOCKERLESS_LOG_LEVEL (error, warn, info, debug) sets the level. */
void log_init(const char *program);

void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
