/* dockerd's words and exit codes for a process that couldn't be started. */
#ifndef SOCKERLESS_DOCKER_EXEC_ERROR_H
#define SOCKERLESS_DOCKER_EXEC_ERROR_H

enum exec_error_of { EXEC_ERROR_START, EXEC_ERROR_EXEC };

struct exec_error {
	int status;      /* HTTP status of a failed start */
	int code;        /* exit code: 127 not found, 126 can't be executed, 128 anything else */
	char text[1536];
};

/* What the agent's `failed` message says: step is exec, chdir or setup; path the program or directory; detail is for setup. */
void exec_error(struct exec_error *ret, enum exec_error_of of, const char *step, int error, const char *path, const char *detail);

#endif
