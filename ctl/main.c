/* sockerlessctl: what an operator does by hand, and the reconciler. */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "ctl/ctl.h"
#include "lib/log.h"

static const struct {
	const char *name;
	int (*run)(const struct settings *s, int argc, char **argv);
	const char *arguments;
	const char *help;
} commands[] = {
	{ "migrate", ctl_migrate, "", "make the database, or bring it to this program's schema" },
	{ "reconcile", ctl_reconcile, "[--once|--watch]", "finish what was removed, undo what a crash left, expire old rows" },
	{ "settings", ctl_settings, "", "show every setting with its default" },
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

static int usage(FILE *out, int status)
{
	fprintf(out, "usage: sockerlessctl COMMAND [ARGUMENTS]\n\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-10s %-18s %s\n", commands[i].name, commands[i].arguments, commands[i].help);
	fprintf(out, "\nSettings come from the environment, and from the file that SOCKERLESS_SETTINGS names.\n");
	return status;
}

int main(int argc, char **argv)
{
	struct settings settings;
	struct err e = { 0 };
	int status = -1;

	if (argc < 2)
		return usage(stderr, 2);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return usage(stdout, 0);
	if (strcmp(argv[1], "--version") == 0)
		return printf("sockerlessctl %s\n", PACKAGE_VERSION) < 0;
	log_init("sockerlessctl");
	if (settings_load(&settings, &e) < 0) {
		log_error("%s", e.text);
		return 1;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			status = commands[i].run(&settings, argc - 1, argv + 1);
	curl_global_cleanup();
	settings_free(&settings);
	return status < 0 ? usage(stderr, 2) : status;
}
