/*
 * sockerless-lambda: AWS Lambda, CloudWatch Logs and ECR's control plane on this
 * machine, for whoever points AWS_ENDPOINT_URL at it.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <fcntl.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "lib/settings.h"
#include "local-lambda/file.h"
#include "local-lambda/http.h"
#include "local-lambda/router.h"

#define CONNECTIONS_BESIDE_INVOKES 256
#define IDLE_SECONDS 120

struct program {
	struct local_config config;
	int lock_fd;
	int listen_fd;
	struct image_store *images;
	struct sandbox_host *host;
	struct logs *logs;
	struct ecr *ecr;
	struct pool *pool;
	struct functions *functions;
	struct http_server *http;
	struct router router;
};

static char *in_dir(struct program *p, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", p->config.dir, name) < 0 ? NULL : path;
}

static int parse_address(const char *text, struct sockaddr_in *ret, struct err *e)
{
	char host[64];
	const char *colon = strrchr(text, ':');
	char *end;
	unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;

	if (!colon || !colon[1] || *end || port > 65535 || (size_t)(colon - text) >= sizeof host)
		return err_set(e, ERR_INVALID, "SOCKERLESS_LOCAL_LISTEN: \"%s\" isn't ADDRESS:PORT", text);
	snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
	*ret = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	if (inet_pton(AF_INET, host, &ret->sin_addr) != 1)
		return err_set(e, ERR_INVALID, "SOCKERLESS_LOCAL_LISTEN: \"%s\" is no IPv4 address", host);
	return 0;
}

static int open_listener(struct program *p, struct err *e)
{
	struct sockaddr_in a;
	socklen_t len = sizeof a;
	int on = 1;

	if (parse_address(p->config.listen, &a, e) < 0)
		return -1;
	p->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->listen_fd < 0 || setsockopt(p->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
	    bind(p->listen_fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(p->listen_fd, 4096) < 0 ||
	    getsockname(p->listen_fd, (struct sockaddr *)&a, &len) < 0)
		return err_errno(e, errno, "%s", p->config.listen);
	log_info("listening at %s, port %u", p->config.listen, ntohs(a.sin_port));
	return 0;
}

/* Each environment and each Invoke takes several descriptors. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warn("RLIMIT_NOFILE: %s", strerror(errno));
}

/* For those who let the kernel choose the port. Written last: whoever reads it finds everything up. */
static int write_endpoint(struct program *p, struct err *e)
{
	struct sockaddr_in a;
	socklen_t len = sizeof a;
	char host[INET_ADDRSTRLEN], text[64];
	CLEANUP_FREE char *path = in_dir(p, "endpoint");

	getsockname(p->listen_fd, (struct sockaddr *)&a, &len);
	inet_ntop(AF_INET, &a.sin_addr, host, sizeof host);
	snprintf(text, sizeof text, "http://%s:%u\n", host, ntohs(a.sin_port));
	return path ? file_replace(path, text, e) : err_nomem(e);
}

static void remove_endpoint(struct program *p)
{
	CLEANUP_FREE char *path = in_dir(p, "endpoint");

	if (path)
		unlink(path);
}

/* One program for each state directory: two would sweep each other's sandboxes. */
static int lock_dir(struct program *p, struct err *e)
{
	CLEANUP_FREE char *path = in_dir(p, "lock");

	if (!path)
		return err_nomem(e);
	if (mkdir(p->config.dir, 0700) < 0 && errno != EEXIST)
		return err_errno(e, errno, "%s", p->config.dir);
	p->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (p->lock_fd < 0 || flock(p->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return err_errno(e, errno, "%s", path);
	return 0;
}

static int open_parts(struct program *p, struct err *e)
{
	CLEANUP_FREE char *images = in_dir(p, "images"), *sandboxes = in_dir(p, "sandboxes"), *logs = in_dir(p, "logs.db");
	CLEANUP_FREE char *ecr = in_dir(p, "repositories.json"), *functions = in_dir(p, "functions");
	struct sandbox_host_config host = { .dir = sandboxes, .relay = *p->config.relay ? p->config.relay : NULL };
	struct pool_config pool = { .config = &p->config };
	struct functions init = { .config = &p->config };

	if (!images || !sandboxes || !logs || !ecr || !functions)
		return err_nomem(e);
	if (sandbox_host_open(&p->host, &host, e) < 0 || image_store_open(&p->images, images, e) < 0 ||
	    logs_open(&p->logs, logs, p->config.log_megabytes << 20, e) < 0 || ecr_open(&p->ecr, &p->config, ecr, e) < 0)
		return -1;
	pool.host = p->host;
	pool.images = p->images;
	pool.logs = p->logs;
	if (pool_open(&p->pool, &pool, e) < 0)
		return -1;
	init.images = p->images;
	init.ecr = p->ecr;
	init.pool = p->pool;
	return functions_open(&p->functions, &init, functions, e);
}

static int open_http(struct program *p, struct err *e)
{
	struct http_config http = { .fd = p->listen_fd, .connections = (unsigned)p->config.concurrency + CONNECTIONS_BESIDE_INVOKES,
				    .idle_seconds = IDLE_SECONDS, .body_limit = router_body_limit, .handle = router_handle, .ctx = &p->router };

	p->router.config = &p->config;
	p->router.ecr = p->ecr;
	p->router.logs = (struct logs_api){ .config = &p->config, .logs = p->logs };
	p->router.lambda.config = &p->config;
	p->router.lambda.functions = p->functions;
	p->router.lambda.pool = p->pool;
	bucket_init(&p->router.lambda.control, 15);
	bucket_init(&p->router.lambda.get, 100);
	bucket_init(&p->router.log_reads, 10);
	return http_start(&p->http, &http, e);
}

static void close_parts(struct program *p)
{
	/* The pool first: it ends the invocations that HTTP's threads wait for. */
	pool_stop(p->pool);
	http_stop(p->http);
	functions_close(p->functions);
	pool_close(p->pool);
	ecr_close(p->ecr);
	logs_close(p->logs);
	if (p->images)
		image_store_close(p->images);
	if (p->host)
		sandbox_host_close(p->host);
	cleanup_close(&p->listen_fd);
	cleanup_close(&p->lock_fd);
	local_config_free(&p->config);
}

static int run(struct program *p, struct err *e)
{
	struct settings settings;
	sigset_t signals;
	int number;

	/* Every thread inherits the mask; only this one takes the signals. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	raise_file_limit();
	if (settings_load(&settings, e) < 0)
		return -1;
	settings_free(&settings);
	if (local_config_load(&p->config, e) < 0 || lock_dir(p, e) < 0 || open_listener(p, e) < 0 || open_parts(p, e) < 0 ||
	    open_http(p, e) < 0 || write_endpoint(p, e) < 0)
		return -1;
	sigwait(&signals, &number);
	log_info("ending: %s", strsignal(number));
	remove_endpoint(p);
	return 0;
}

/* What a killed predecessor left; a program that starts does this by itself. */
static int sweep(struct program *p, struct err *e)
{
	CLEANUP_FREE char *sandboxes = NULL;
	struct settings settings;

	if (settings_load(&settings, e) < 0)
		return -1;
	settings_free(&settings);
	if (local_config_load(&p->config, e) < 0)
		return -1;
	sandboxes = in_dir(p, "sandboxes");
	return sandboxes ? sandbox_host_sweep(sandboxes, e) : err_nomem(e);
}

static int show_usage(FILE *out)
{
	fprintf(out, "usage: sockerless-lambda [--sweep]\n\nA stand-in for AWS Lambda, CloudWatch Logs and ECR. --sweep removes what a killed one "
		     "left and ends.\nSet by environment:\n\n");
	local_config_help(out);
	return out == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
	struct program p = { .lock_fd = -1, .listen_fd = -1 };
	struct err e = { 0 };
	bool only_sweep = argc == 2 && !strcmp(argv[1], "--sweep");
	int rc;

	log_init("sockerless-lambda");
	if (argc > 1 && !only_sweep)
		return show_usage(strcmp(argv[1], "--help") ? stderr : stdout);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	rc = only_sweep ? sweep(&p, &e) : run(&p, &e);
	if (rc < 0)
		log_error("%s", e.text);
	close_parts(&p);
	curl_global_cleanup();
	return rc < 0 ? 1 : 0;
}
