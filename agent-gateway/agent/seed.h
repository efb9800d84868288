/* What the image holds in its writable directories: it is put into /tmp, where the image's links lead to. */
#ifndef SOCKERLESS_AGENT_SEED_H
#define SOCKERLESS_AGENT_SEED_H

/*
 * The seed `from` is laid out as the root is. What it has at /tmp is copied
 * into `to`, the rest beneath `to`/.sockerless/root: directories, files and
 * symbolic links with modes and times; nothing else, and no owners. No link is
 * followed. Then the directories are made that the file "writable" beside the
 * seed lists and that aren't there. Without `from` nothing is done; what can't
 * be copied is logged and left out.
 */
void seed_copy(const char *from, const char *to);

#endif
