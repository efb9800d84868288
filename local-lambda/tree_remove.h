/* rm -r, for trees whose content came from strangers. */
#ifndef SOCKERLESS_LOCAL_TREE_REMOVE_H
#define SOCKERLESS_LOCAL_TREE_REMOVE_H

/* Removes the file or tree `name` under dir_fd, never following links. Best effort. */
void tree_remove(int dir_fd, const char *name);

#endif
