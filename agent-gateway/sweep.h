/* Deletes the output of containers that are gone: what a crash, or a full disk, between their removal and that of their files left. */
#ifndef SOCKERLESS_GATEWAY_SWEEP_H
#define SOCKERLESS_GATEWAY_SWEEP_H

struct gateway;

/* At the start, and every ten seconds. */
void spools_sweep(struct gateway *gw);

#endif
