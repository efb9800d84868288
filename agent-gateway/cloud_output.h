/*
 * Output of a container's runs as CloudWatch has it, for one whose spool is
 * gone: a copy of stdout and stderr that can't be told apart any more.
 */
#ifndef SOCKERLESS_GATEWAY_CLOUD_OUTPUT_H
#define SOCKERLESS_GATEWAY_CLOUD_OUTPUT_H

#include "lib/buf.h"

struct container;
struct cloud_output;

/* From the loop: spool records (spool_record.h), a line each, all of stdout; borrowed. What can't be read is left out. */
typedef void cloud_output_done(void *arg, const struct buf *records);

/* NULL when memory is out. */
struct cloud_output *cloud_output_read(struct container *c, cloud_output_done *done, void *arg);
/* `done` isn't called any more. Only before it was; NULL is fine. */
void cloud_output_forget(struct cloud_output *o);

#endif
