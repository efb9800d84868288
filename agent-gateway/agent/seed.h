/* What the image holds in its writable directories: it is put into /tmp, where the image's links lead to. */
#ifndef SOCKERLESS_AGENT_SEED_H
#define SOCKERLESS_AGENT_SEED_H

/*
 * Copies what is in directory `from` into directory `to`: directories, files
 * and symbolic links with modes and times; nothing else, and no owners. No
 * link is followed. Without `from` nothing is done; what can't be copied is
 * logged and left out.
 */
void seed_copy(const char *from, const char *to);

#endif
