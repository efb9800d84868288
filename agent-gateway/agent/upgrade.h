/* The opening handshake of a WebSocket client. */
#ifndef SOCKERLESS_AGENT_UPGRADE_H
#define SOCKERLESS_AGENT_UPGRADE_H

#define UPGRADE_HEAD_MAX 16384
#define UPGRADE_KEY_LEN 24

/* A random Sec-WebSocket-Key. */
void upgrade_make_key(char key[UPGRADE_KEY_LEN + 1]);

/*
 * The status of a reply's head (which it may change); 101 only with the right
 * Upgrade, Connection and Sec-WebSocket-Accept and without extensions. 0: no HTTP reply.
 */
int upgrade_status(char *head, const char *accept);

#endif
