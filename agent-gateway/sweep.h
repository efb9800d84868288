/* Deletes the output of containers that are gone: what a crash between their removal and that of their files left. */
#ifndef SOCKERLESS_GATEWAY_SWEEP_H
#define SOCKERLESS_GATEWAY_SWEEP_H

struct gateway;

/* Once, at the start. */
void spools_sweep(struct gateway *gw);

#endif
