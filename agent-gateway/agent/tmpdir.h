/* /tmp outlives a run: it is emptied before the next. */
#ifndef SOCKERLESS_AGENT_TMPDIR_H
#define SOCKERLESS_AGENT_TMPDIR_H

/* Removes all that is in the directory, following no link and crossing into no other file system. What can't go stays. */
void tmpdir_empty(const char *path);

#endif
