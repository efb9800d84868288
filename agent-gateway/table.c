#include "agent-gateway/table.h"

#include <search.h>
#include <stddef.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

void *table_find(void **table, const char *id)
{
	void **node = tfind(id, table, compare);

	return node ? *node : NULL;
}

bool table_add(void **table, void *object)
{
	return tsearch(object, table, compare) != NULL;
}

void table_remove(void **table, void *object)
{
	tdelete(object, table, compare);
}
