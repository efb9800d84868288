/*
 * A root file system that can be written everywhere, by processes that see
 * themselves as root. Where the derived image holds proot (FAKE_ROOT_DIR), the
 * image's files are copied beneath /tmp before a run, and proot shows that
 * copy to the container's processes as their root. It costs the copy, and
 * each system call that names a file is slower.
 */
#ifndef SOCKERLESS_AGENT_FAKE_ROOT_H
#define SOCKERLESS_AGENT_FAKE_ROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "agent-gateway/agent/launch.h"

#define FAKE_ROOT_DIR "/.sockerless/fake-root" /* in the image: proot and what it is linked with */
#define FAKE_ROOT "/tmp/.sockerless/root"      /* the copy */
#define FAKE_ROOT_INNER "--in-fake-root"       /* the agent's first argument inside */

bool fake_root_is_on(void);

/* In the process that is to become the container's: executes proot with the agent in it. Returns only if that fails, errno set. */
void fake_root_exec(const struct launch *l, int report);

/* main() of that agent: an init that starts the program, forwards signals and takes everything along when the program ends. */
int fake_root_inner(int argc, char **argv);

/* The process to which a signal for `pid` goes: proot itself ignores them. */
pid_t fake_root_process(pid_t pid);

/*
 * Where the agent finds what a container's process finds at `path` (clean, absolute). `follow`: a link at its end, too.
 * Without a fake root that is the same. False: it is too long. A path that leads nowhere stays one.
 */
bool fake_root_path(const char *path, bool follow, char *to, size_t size);
/* The other way round; borrowed. */
const char *fake_root_shown(const char *path);

#endif
