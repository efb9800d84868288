/* What the agent says first on each connection. */
#ifndef SOCKERLESS_AGENT_HELLO_H
#define SOCKERLESS_AGENT_HELLO_H

struct json_object;
struct run;

/* The caller owns it. NULL when out of memory. */
struct json_object *hello_of_run(const struct run *r);

#endif
