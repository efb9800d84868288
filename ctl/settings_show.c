/* sockerlessctl settings */
#include <stdio.h>

#include "ctl/ctl.h"

int ctl_settings(const struct settings *s, int argc, char **argv)
{
	(void)s;
	(void)argv;
	if (argc > 1)
		return -1;
	settings_help(stdout);
	return 0;
}
