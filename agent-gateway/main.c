/* sockerless-gateway: carries streams, holds the agents, invokes. See doc/ARCHITECTURE.md. */
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "agent-gateway/gateway.h"
#include "lib/log.h"

static void on_signal(evutil_socket_t signal, short what, void *arg)
{
	event_base_loopbreak(arg);
}

static int serve(const struct settings *settings)
{
	struct event *term = NULL, *interrupt = NULL;
	struct err e = { 0 };
	struct gateway gw;
	sigset_t ending;
	int rc = 1;

	/* Until there is somebody to hear them. */
	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	sigprocmask(SIG_BLOCK, &ending, NULL);
	if (gateway_open(&gw, settings, &e) < 0) {
		log_error("%s", e.text);
		goto out;
	}
	term = evsignal_new(gw.base, SIGTERM, on_signal, gw.base);
	interrupt = evsignal_new(gw.base, SIGINT, on_signal, gw.base);
	if (!term || !interrupt || event_add(term, NULL) < 0 || event_add(interrupt, NULL) < 0) {
		log_error("out of memory");
		goto out;
	}
	sigprocmask(SIG_UNBLOCK, &ending, NULL);
	log_info("ready");
	rc = event_base_dispatch(gw.base) < 0 ? 1 : 0;
	log_info("ending");
out:
	if (term)
		event_free(term);
	if (interrupt)
		event_free(interrupt);
	gateway_close(&gw);
	return rc;
}

/* Each agent and each stream takes a descriptor: as many as we may have. */
static void raise_file_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		log_warn("the limit of open files stays as it is");
}

int main(int argc, char **argv)
{
	struct settings settings;
	struct err e = { 0 };
	int rc;

	log_init("sockerless-gateway");
	if (argc > 1) {
		bool help = !strcmp(argv[1], "--help");

		fprintf(help ? stdout : stderr, "usage: sockerless-gateway\n\nSettings:\n");
		settings_help(help ? stdout : stderr);
		return help ? 0 : 2;
	}
	if (settings_load(&settings, &e) < 0) {
		log_error("%s", e.text);
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	raise_file_limit();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	rc = serve(&settings);
	settings_free(&settings);
	curl_global_cleanup();
	return rc;
}
