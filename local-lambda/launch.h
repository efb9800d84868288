/* Which process an environment starts: what the image says, overridden by the function's ImageConfig, with Lambda's variables. */
#ifndef SOCKERLESS_LOCAL_LAUNCH_H
#define SOCKERLESS_LOCAL_LAUNCH_H

#include "local-lambda/config.h"
#include "local-lambda/output.h"
#include "local-lambda/revision.h"

struct launch {
	char **argv; /* NULL-terminated, never empty */
	char **envp;
	char *workdir;
};

/* ERR_INVALID, with a text that begins with Runtime.InvalidEntrypoint, when there is nothing to start. */
int launch_make(struct launch *ret, const struct local_config *config, const struct revision *r, const struct image *image,
		const struct output *output, struct err *e);
void launch_free(struct launch *l);

#endif
