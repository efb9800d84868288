/* The options of the log drivers json-file and local. */
#ifndef SOCKERLESS_DOCKER_LOG_OPTIONS_H
#define SOCKERLESS_DOCKER_LOG_OPTIONS_H

#include <json-c/json.h>
#include <stdint.h>

#include "lib/err.h"

#define LOG_FILES_MAX 1000

struct log_options {
	int64_t max_size;  /* bytes of output after which another file begins; 0: there is one file */
	int64_t max_files; /* files that are kept, the newest included */
};

/* The drivers' own defaults for what `config` (a map of strings; NULL is fine) doesn't say. ERR_INVALID in dockerd's words. */
int log_options_read(const char *type, struct json_object *config, struct log_options *ret, struct err *e);

#endif
