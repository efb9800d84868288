/* Objects by id: each begins with its id, a char array. A balanced tree (tsearch). */
#ifndef SOCKERLESS_GATEWAY_TABLE_H
#define SOCKERLESS_GATEWAY_TABLE_H

#include <stdbool.h>

/* NULL: there is none. */
void *table_find(void **table, const char *id);
/* False when memory is out. */
bool table_add(void **table, void *object);
void table_remove(void **table, void *object);

#endif
