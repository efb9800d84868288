/* sockerlessctl migrate: run once before the other processes start. */
#include <stdio.h>

#include "ctl/ctl.h"
#include "lib/log.h"
#include "lib/store/store.h"

int ctl_migrate(const struct settings *s, int argc, char **argv)
{
	struct err e = { 0 };
	int applied;

	(void)argv;
	if (argc > 1)
		return -1;
	applied = store_migrate(s->state_dir, &e);
	if (applied < 0) {
		log_error("%s", e.text);
		return 1;
	}
	printf("%s/sockerless.db: %d migrations applied\n", s->state_dir, applied);
	return 0;
}
