/* Makes the database in the directory that is named: for tests of programs that expect it. */
#include <stdio.h>

#include "lib/store/store.h"

int main(int argc, char **argv)
{
	struct err e = { 0 };

	if (argc != 2)
		return 2;
	if (store_migrate(argv[1], &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	return 0;
}
