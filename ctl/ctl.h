/* The subcommands of sockerlessctl. Each returns the exit status. */
#ifndef SOCKERLESS_CTL_H
#define SOCKERLESS_CTL_H

#include "lib/settings.h"

int ctl_migrate(const struct settings *s, int argc, char **argv);
int ctl_reconcile(const struct settings *s, int argc, char **argv);
int ctl_settings(const struct settings *s, int argc, char **argv);

#endif
