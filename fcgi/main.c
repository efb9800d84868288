/*
 * sockerless-worker: answers requests of the Docker API that nginx brings by
 * FastCGI, one at a time, until SIGTERM. Each request belongs to the tenant
 * that nginx names; without one nothing is answered.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "config.h"
#include "fcgi/connection.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/aws/http.h"
#include "lib/docker/reply.h"
#include "lib/ids.h"
#include "lib/hint.h"
#include "lib/log.h"

/* In the order of route_match.index. */
static route_handler *const handlers[] = {
#define ROUTE(method, path, pool, body, handler) route_##handler,
#define MISSING(method, path, status, reason) NULL,
#include "lib/routes.def"
#undef ROUTE
#undef MISSING
};

static int reply_not_found(struct request *req)
{
	req->bare = true;
	return reply_message(req, 404, "page not found");
}

static int reply_moved(struct request *req, const struct route_match *m)
{
	req->bare = true;
	reply_header(req, "Location", m->location);
	return reply_empty(req, 301);
}

static int reply_too_new(struct request *req, const struct route_match *m)
{
	char text[160];

	snprintf(text, sizeof text, "client version %s is too new. Maximum supported API version is %s", m->version, DOCKER_API_VERSION);
	return reply_message(req, 400, text);
}

static int reply_too_old(struct request *req, const struct route_match *m)
{
	char text[200];

	snprintf(text, sizeof text, "client version %s is too old. Minimum supported API version is %s, please upgrade your client to a newer version\n",
		 m->version, DOCKER_API_MINIMUM);
	reply_header(req, "X-Content-Type-Options", "nosniff");
	return reply_text(req, 400, text);
}

static int reply_missing(struct request *req, const struct route_match *m)
{
	const char *place = strstr(m->missing_reason, "%s");
	char text[1024];

	if (place)
		snprintf(text, sizeof text, "%.*s%s%s", (int)(place - m->missing_reason), m->missing_reason,
			 m->name ? m->name : "", place + strlen("%s"));
	else
		snprintf(text, sizeof text, "%s", m->missing_reason);
	return reply_message(req, m->missing_status, text);
}

/* The agents' listener and the Docker API share workers, and no route. */
static bool is_agents(const struct request *req)
{
	const char *listener = request_param(req, "SOCKERLESS_LISTENER");

	return listener && strcmp(listener, "agent") == 0;
}

static bool is_on_right_listener(const struct request *req, const struct route_match *m)
{
	return is_agents(req) == (m->handler_name && strcmp(m->handler_name, "agent_connect") == 0);
}

static int answer_found(struct request *req, const struct route_match *m, struct err *e)
{
	if (!is_on_right_listener(req, m))
		return reply_not_found(req);
	if (!is_agents(req) && (!*req->tenant || strlen(req->tenant) > REQUEST_TENANT_MAX))
		return err_set(e, ERR_FORBIDDEN, "who the client is isn't known: the server in front must set SOCKERLESS_TENANT");
	req->name = m->name;
	req->minor = m->minor;
	snprintf(req->api, sizeof req->api, "1.%d", m->minor);
	if (!m->handler_name)
		return reply_missing(req, m);
	if (request_parse_query(req, e) < 0)
		return -1;
	return handlers[m->index](req, e);
}

static int answer(struct request *req, const struct route_match *m, struct err *e)
{
	/* As dockerd: OPTIONS is answered for whatever path. */
	if (strcmp(req->method, "OPTIONS") == 0 && !is_agents(req))
		return reply_empty(req, 200);
	switch (m->result) {
	case ROUTE_FOUND:
		return answer_found(req, m, e);
	case ROUTE_MOVED:
		return reply_moved(req, m);
	case ROUTE_TOO_NEW:
		return reply_too_new(req, m);
	case ROUTE_TOO_OLD:
		return reply_too_old(req, m);
	default:
		return reply_not_found(req);
	}
}

static void serve(struct request *req)
{
	struct route_match m = { .result = ROUTE_UNKNOWN };
	struct err e = { .kind = ERR_INTERNAL, .text = "the handler gave no reason" };
	int written = store_changes(req->store);
	int rc = route_match(req->method, req->uri, &m, &e);

	if (rc == 0)
		rc = answer(req, &m, &e);
	if (rc < 0 && !req->replied)
		reply_error(req, &e);
	else if (rc < 0)
		log_warn("%s %.200s: after the reply began: %s", req->method, req->uri, e.text);
	else if (!req->replied)
		reply_message(req, 500, "the handler gave no reply");
	/* There may be events among it, for which clients wait at the gateway. */
	if (store_changes(req->store) != written)
		hint_send(req->settings->run_dir, HINT_GATEWAY);
	log_debug("%s %s %.200s: %d", *req->tenant ? req->tenant : "-", req->method, req->uri, req->status);
	route_match_free(&m);
}

static int run(const char *socket_path, struct err *e)
{
	struct settings settings;
	struct worker worker = { .settings = &settings };
	struct listener *listener = NULL;
	struct request req;
	int rc = -1;

	if (settings_load(&settings, e) < 0)
		return -1;
	if (store_open(&worker.store, settings.state_dir, e) == 0 && listener_open(socket_path, &listener, e) == 0) {
		while ((rc = listener_accept(listener, &worker, &req, e)) > 0) {
			serve(&req);
			request_finish(&req);
		}
	}
	listener_close(listener);
	aws_client_close(worker.aws);
	store_close(worker.store);
	settings_free(&settings);
	return rc;
}

static int usage(FILE *out, int status)
{
	fprintf(out, "usage: sockerless-worker [--socket PATH]\n\n"
		     "Answers FastCGI requests on descriptor 0 (spawn-fcgi, multiwatch, systemd),\n"
		     "or on a socket of its own. Settings come from the environment or the settings file:\n\n");
	settings_help(out);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	const char *socket_path = NULL;
	struct err e = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, "s:hv", options, NULL)) != -1) {
		switch (option) {
		case 's':
			socket_path = optarg;
			break;
		case 'h':
			return usage(stdout, 0);
		case 'v':
			printf("sockerless-worker %s\n", PACKAGE_VERSION);
			return 0;
		default:
			return usage(stderr, 2);
		}
	}
	if (optind < argc)
		return usage(stderr, 2);
	log_init("sockerless-worker");
	/* A process manager that is killed takes its workers along: its successor listens on another socket. */
	if (!socket_path)
		prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (run(socket_path, &e) < 0) {
		log_error("%s", e.text);
		return 1;
	}
	return 0;
}
