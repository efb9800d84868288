/* The image's /etc/passwd, read without NSS: a static program has none. */
#ifndef SOCKERLESS_AGENT_PASSWD_H
#define SOCKERLESS_AGENT_PASSWD_H

#include <stddef.h>
#include <sys/types.h>

/* The home directory of `user` ("name", "uid", either with ":group"; "" is root); "/" when it isn't known. */
void passwd_home(const char *user, char *home, size_t size);

/* The name of a user; the number if nobody has it. */
void passwd_name(uid_t uid, char *name, size_t size);

#endif
