/* An exec's row, as the handlers of /exec/{id} see it. */
#ifndef SOCKERLESS_FCGI_EXEC_H
#define SOCKERLESS_FCGI_EXEC_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "fcgi/request.h"
#include "lib/ids.h"
#include "lib/lifecycle.h"

struct exec {
	char id[ID_HEX_LEN + 1];
	char container_id[ID_HEX_LEN + 1];
	char state[16];                  /* created, starting, running, exited */
	char detach_keys[256];
	struct json_object *config;      /* owned: the create body */
	int64_t pid, exit_code;
	bool ended;                      /* exit_code is known */
	bool of_this_run;                /* the container's run is still the one it was made for */
	enum container_state container_state;
};

#define EXEC_CLEANUP __attribute__((cleanup(exec_free)))

/* By full id among the tenant's. ERR_NOT_FOUND "No such exec instance: x". */
int exec_find(struct request *req, const char *id, struct exec *ret, struct err *e);
void exec_free(struct exec *x);

/* ConsoleSize [h, w] of a body as two texts; "0" without one. */
void exec_console_size(struct json_object *body, char h[24], char w[24]);

#endif
