#include "local-lambda/sandbox_host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/ids.h"
#include "lib/log.h"
#include "lib/netns/netns.h"
#include "local-lambda/seccomp.h"
#include "local-lambda/tree_remove.h"

static int dir_make(int at, const char *name, mode_t mode)
{
	if (mkdirat(at, name, mode) < 0 && errno != EEXIST)
		return -1;
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int file_write(int at, const char *name, const char *text)
{
	CLEANUP_CLOSE int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

/* Two hosts with directories of their own share no group. */
static void folder_name(const char *dir, char out[64])
{
	unsigned char digest[32];
	char hex[65];

	EVP_Digest(dir, strlen(dir), digest, NULL, EVP_sha256(), NULL);
	hex_encode(hex, digest, sizeof digest);
	snprintf(out, 64, "sockerless-lambda-%.12s", hex);
}

/* Opens the directory and takes its lock: only one process may be the host, and none while it is swept. */
static int host_lock(struct sandbox_host *host, const char *dir, struct err *e)
{
	host->fd = dir_make(AT_FDCWD, dir, 0700);
	host->dir = realpath(dir, NULL);
	if (host->fd < 0 || !host->dir)
		return err_errno(e, errno, "%s", dir);
	host->lock = openat(host->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (host->lock < 0)
		return err_errno(e, errno, "%s/lock", dir);
	if (flock(host->lock, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, ERR_CONFLICT, "%s is in use by another process", dir);
	return 0;
}

static int host_sweep(struct sandbox_host *host, struct err *e)
{
	char folder[64];

	folder_name(host->dir, folder);
	if (cgroup_tree_open(&host->cgroups, folder, e) < 0)
		return -1;
	cgroup_tree_sweep(host->cgroups);
	tree_remove(host->fd, "sandboxes");
	return 0;
}

/* The topmost layer of every sandbox: where things are mounted, and the files that name the network. */
static int skeleton_make(struct sandbox_host *host, struct err *e)
{
	static const char *const dirs[] = { "etc", "proc", "dev", "tmp" };
	char resolv[64] = "# no network\n";
	CLEANUP_CLOSE int fd = -1;
	struct in_addr server;

	tree_remove(host->fd, "skeleton");
	fd = dir_make(host->fd, "skeleton", 0755);
	for (size_t i = 0; fd >= 0 && i < sizeof dirs / sizeof *dirs; i++)
		if (mkdirat(fd, dirs[i], 0755) < 0)
			return err_errno(e, errno, "%s/skeleton", host->dir);
	if (host->slirp) {
		server.s_addr = htonl(ntohl(inet_addr(host->subnet)) + 3);
		snprintf(resolv, sizeof resolv, "nameserver %s\n", inet_ntoa(server));
	}
	if (fd < 0 || file_write(fd, "etc/resolv.conf", resolv) < 0 ||
	    file_write(fd, "etc/hosts", "127.0.0.1 localhost\n" NETNS_ADDRESS " 169-254-100-1\n") < 0)
		return err_errno(e, errno, "%s/skeleton", host->dir);
	return 0;
}

static void egress_find(struct sandbox_host *host)
{
	static const char *const places[] = { "/usr/bin/slirp4netns", "/usr/local/bin/slirp4netns", "/bin/slirp4netns" };
	struct netns_host addresses = { .count = 0 };

	for (size_t i = 0; i < sizeof places / sizeof *places && !host->slirp; i++)
		if (access(places[i], X_OK) == 0)
			host->slirp = places[i];
	if (!host->slirp)
		log_warn("slirp4netns is not installed: functions have no way to the outside");
	else if (access("/dev/net/tun", R_OK | W_OK) < 0) {
		log_warn("/dev/net/tun can't be used: functions have no way to the outside");
		host->slirp = NULL;
	}
	if (netns_host_read(&addresses, NULL) < 0)
		log_warn("the host's addresses can't be read");
	host->subnet = egress_subnet(&addresses);
}

static int host_prepare(struct sandbox_host *host, struct err *e)
{
	int root = dir_make(host->fd, "root", 0755);

	host->templates = dir_make(host->fd, "templates", 0700);
	host->sandboxes = dir_make(host->fd, "sandboxes", 0700);
	if (root >= 0)
		close(root);
	if (root < 0 || host->templates < 0 || host->sandboxes < 0 || asprintf(&host->root_dir, "%s/root", host->dir) < 0 ||
	    asprintf(&host->skeleton_dir, "%s/skeleton", host->dir) < 0)
		return err_errno(e, errno, "%s", host->dir);
	egress_find(host);
	return skeleton_make(host, e);
}

static struct sandbox_host *host_new(void)
{
	struct sandbox_host *host = calloc(1, sizeof *host);

	if (host)
		host->fd = host->lock = host->templates = host->sandboxes = -1;
	return host;
}

static int host_fill(struct sandbox_host *host, const struct sandbox_host_config *config, struct err *e)
{
	struct sockaddr_in target;
	char folder[64];

	if (geteuid() != 0)
		return err_set(e, ERR_FORBIDDEN, "sandboxes need root");
	if (host_lock(host, config->dir, e) < 0 || host_sweep(host, e) < 0 || host_prepare(host, e) < 0)
		return -1;
	/* The sweep took the folder with it. */
	cgroup_tree_close(STEAL(host->cgroups));
	folder_name(host->dir, folder);
	if (cgroup_tree_open(&host->cgroups, folder, e) < 0 || cgroup_create(host->cgroups, "guards", 0, 0, &host->guards, e) < 0 ||
	    seccomp_build(&host->filter, e) < 0)
		return -1;
	cgroup_tree_notices(host->cgroups);
	if (!config->relay)
		return 0;
	return relay_parse(config->relay, &host->relay_inside, &target, e) < 0 ? -1 : relay_open(&host->relay, &target, e);
}

int sandbox_host_open(struct sandbox_host **ret, const struct sandbox_host_config *config, struct err *e)
{
	struct sandbox_host *host = host_new();

	if (!host)
		return err_nomem(e);
	if (host_fill(host, config, e) < 0) {
		sandbox_host_close(host);
		return -1;
	}
	*ret = host;
	return 0;
}

void sandbox_host_close(struct sandbox_host *host)
{
	if (!host)
		return;
	relay_close(host->relay);
	cgroup_remove(host->guards);
	if (host->cgroups)
		cgroup_tree_sweep(host->cgroups);
	cgroup_tree_close(host->cgroups);
	for (int *fd = (int[]){ host->fd, host->templates, host->sandboxes, host->lock, -2 }; *fd != -2; fd++)
		if (*fd >= 0)
			close(*fd);
	free(host->filter.filter);
	free(host->root_dir);
	free(host->skeleton_dir);
	free(host->dir);
	free(host);
}

int sandbox_host_sweep(const char *dir, struct err *e)
{
	struct sandbox_host *host = host_new();
	bool gone = access(dir, F_OK) < 0 && errno == ENOENT;
	int rc = 0;

	if (!host)
		return err_nomem(e);
	/* Whoever removed the directory can't have removed the cgroups with it. */
	if (!gone)
		rc = host_lock(host, dir, e);
	else if (!(host->dir = strdup(dir)))
		rc = err_nomem(e);
	if (rc == 0)
		rc = host_sweep(host, e);
	sandbox_host_close(host);
	return rc;
}
