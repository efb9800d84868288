#include <errno.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent-gateway/agent/agent.h"
#include "agent-gateway/agent/child.h"
#include "agent-gateway/agent/children.h"
#include "agent-gateway/agent/fake_root.h"
#include "agent-gateway/agent/run.h"
#include "agent-gateway/agent/runtime.h"
#include "lib/log.h"

#define CONNECT_SECONDS 60
#define MIRROR_BYTES (1024 * 1024)

int64_t agent_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

void agent_defer(struct agent *a, event_callback_fn fn, void *arg)
{
	struct timeval now = { 0 };

	if (event_base_once(a->base, -1, EV_TIMEOUT, fn, arg, &now) < 0)
		abort();
}

/* Takes a variable out of the environment; its old bytes are wiped. */
static char *take_env(const char *name)
{
	char *value = getenv(name), *copy;

	if (!value || !*value)
		return NULL;
	copy = strdup(value);
	if (!copy)
		abort();
	explicit_bzero(value, strlen(value));
	return copy;
}

static void read_environment(struct agent *a)
{
	static const char *const secrets[] = { "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN" };
	char *seconds = take_env("SOCKERLESS_AGENT_TIMEOUT"), *mirror = take_env("SOCKERLESS_AGENT_LOG_BYTES");

	a->container = take_env("SOCKERLESS_CONTAINER_ID");
	a->token = take_env("SOCKERLESS_AGENT_TOKEN");
	a->callback = take_env("SOCKERLESS_AGENT_CALLBACK_URL");
	a->ca_file = take_env("SOCKERLESS_AGENT_CA_FILE");
	a->log_stream = take_env("AWS_LAMBDA_LOG_STREAM_NAME");
	a->runtime_api = take_env("AWS_LAMBDA_RUNTIME_API");
	a->tmp = take_env("SOCKERLESS_AGENT_TMP");
	a->seed = take_env("SOCKERLESS_AGENT_SEED");
	/* Outside a function nobody's /tmp is touched. */
	if (!a->tmp && getenv("AWS_LAMBDA_FUNCTION_NAME"))
		a->tmp = strdup("/tmp");
	a->connect_seconds = seconds ? atoi(seconds) : 0;
	if (a->connect_seconds <= 0)
		a->connect_seconds = CONNECT_SECONDS;
	free(seconds);
	a->mirror_bytes = mirror ? strtoul(mirror, NULL, 10) : MIRROR_BYTES;
	free(mirror);
	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
		free(take_env(secrets[i]));
	clearenv();
}

/* What the agent's own parent left open must not reach the container's processes; 0 to 2 must exist. */
static void settle_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= 2);
	if (fd >= 0)
		close(fd);
	child_seal_files();
}

static void child_ended(evutil_socket_t fd, short what, void *arg)
{
	struct agent *a = arg;
	int status;
	pid_t pid;

	/* Orphans come to the agent as well: it is their subreaper. */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (a->run)
			run_reaped(a->run, pid, status);
}

static void told_to_end(evutil_socket_t fd, short what, void *arg)
{
	struct agent *a = arg;

	children_kill();
	event_base_loopexit(a->base, NULL);
}

static struct evdns_base *make_resolver(struct event_base *base)
{
	struct evdns_base *dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);

	/* Not every name server repeats a name as it was spelt. */
	if (dns)
		evdns_base_set_option(dns, "randomize-case", "0");
	/* An image without these files resolves addresses only, or by a name server on this host. */
	if (dns && evdns_base_resolv_conf_parse(dns, DNS_OPTIONS_ALL, "/etc/resolv.conf") != 0)
		log_debug("no /etc/resolv.conf could be read");
	return dns;
}

static int agent_init(struct agent *a)
{
	read_environment(a);
	if (!a->runtime_api) {
		log_error("AWS_LAMBDA_RUNTIME_API is not set: this program runs inside a function");
		return -1;
	}
	a->base = event_base_new();
	a->dns = a->base ? make_resolver(a->base) : NULL;
	if (!a->dns)
		return -1;
	a->child_event = evsignal_new(a->base, SIGCHLD, child_ended, a);
	a->term_event = evsignal_new(a->base, SIGTERM, told_to_end, a);
	a->runtime = runtime_new(a, run_begin);
	if (!a->child_event || !a->term_event || !a->runtime)
		return -1;
	return event_add(a->child_event, NULL) < 0 || event_add(a->term_event, NULL) < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct agent a = { 0 };

	if (argc > 1 && !strcmp(argv[1], FAKE_ROOT_INNER))
		return fake_root_inner(argc, argv);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	child_reset_signals();
	signal(SIGPIPE, SIG_IGN);
	log_init("sockerless-agent");
	settle_files();
	if (agent_init(&a) < 0) {
		log_error("the agent can't start");
		return 1;
	}
	runtime_next(a.runtime);
	event_base_dispatch(a.base);
	return 0;
}
