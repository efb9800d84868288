/*
 * Sandboxes: what a Lambda execution environment is on this machine. Each has
 * a guard process that made its namespaces, mounts and network, holds them,
 * starts the function's process inside, and ends everything when its host
 * process is gone, however that died. Needs root (without CAP_SYS_RESOURCE,
 * without systemd); what a machine lacks is said in the log once and done
 * without.
 *
 *   DIR/lock  DIR/skeleton/ (top layer: mount points, /etc/resolv.conf, /etc/hosts)
 *   DIR/root/ (where each guard mounts, seen by none but it)  DIR/templates/  DIR/sandboxes/<name>/tmp.img
 *
 * The guards are children of this process: don't wait for any child (-1), and
 * don't ignore SIGCHLD.
 */
#ifndef SOCKERLESS_LOCAL_SANDBOX_H
#define SOCKERLESS_LOCAL_SANDBOX_H

#include <stdbool.h>

#include "lib/err.h"
#include "local-lambda/image.h"

#define SANDBOX_UID 993 /* sbx_user1051 */
#define SANDBOX_GID 990
#define SANDBOX_PROCESSES_MAX 740
#define SANDBOX_FILES_MAX 1024

struct sandbox_host;
struct sandbox;

struct sandbox_host_config {
	const char *dir;
	/* "169.254.100.1:9002=127.0.0.1:2377": a listener inside each sandbox, and where on the host its connections end. NULL: none. */
	const char *relay;
};

/* Sweeps what a killed predecessor left. ERR_CONFLICT if `dir` is in use. */
int sandbox_host_open(struct sandbox_host **ret, const struct sandbox_host_config *config, struct err *e);
/* Every sandbox must be destroyed before. NULL is fine. */
void sandbox_host_close(struct sandbox_host *host);
/*
 * Removes what a killed host left in `dir` and in the cgroups; images and templates stay. ERR_CONFLICT if one lives. A
 * directory that is gone is fine: its absolute path still names the cgroups.
 */
int sandbox_host_sweep(const char *dir, struct err *e);

struct sandbox_spec {
	const char *name;    /* [a-zA-Z0-9_-]; need not be unique */
	struct image *image; /* the sandbox takes a reference of its own */
	char *const *argv;   /* argv[0]: absolute path inside, no symbolic link, as Lambda wants it */
	char *const *envp;
	const char *workdir; /* NULL or "": / */
	unsigned memory_mb;
	unsigned tmp_mb;
};

/* Mounts, namespaces, cgroup and listening sockets; no process yet. Copies the spec. Thread-safe; blocks. */
int sandbox_create(struct sandbox_host *host, const struct sandbox_spec *spec, struct sandbox **ret, struct err *e);

/* The listening TCP socket (non-blocking) at 169.254.100.1:9001 inside; owned by the sandbox. */
int sandbox_runtime_listener(struct sandbox *sandbox);

/*
 * Starts the process, or starts it again after sandbox_wait told of its end;
 * /tmp is kept. `ret_output_fd` is the reading end of its stdout and stderr;
 * the caller closes it. Blocks until the program runs. When it doesn't, the
 * error is ERR_INVALID and its text begins with "Runtime.InvalidEntrypoint: "
 * or "Runtime.InvalidWorkingDir: ".
 */
int sandbox_start(struct sandbox *sandbox, int *ret_output_fd, struct err *e);

/* Blocks until the process and all its descendants ended. One waiter at a time; again at once when called after the end. */
int sandbox_wait(struct sandbox *sandbox, int *ret_wstatus);

/* Thread-safe. */
void sandbox_freeze(struct sandbox *sandbox);
void sandbox_thaw(struct sandbox *sandbox);
/* Everything inside, now; frozen or not. sandbox_wait tells of the end. */
void sandbox_kill(struct sandbox *sandbox);
/* Since the sandbox was created, page cache included; 0 where it isn't known. */
unsigned sandbox_memory_peak_mb(struct sandbox *sandbox);
/* Whether the kernel killed for lack of memory since the last start. */
bool sandbox_oom_killed(struct sandbox *sandbox);

/* Kills, unmounts, removes. No other call on it may be under way. NULL is fine. */
void sandbox_destroy(struct sandbox *sandbox);

#endif
