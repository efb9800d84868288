#include "local-lambda/http.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BODY_DROPPED_MAX (128u << 20)
#define STACK_SIZE (1u << 20)

struct http_server {
	struct http_config config;
	struct MHD_Daemon *daemon;
};

/* What MHD decodes and splits is kept as it came: signatures are made over the wire's text. */
static void *on_uri(void *ctx, const char *uri, struct MHD_Connection *connection)
{
	struct request *r = calloc(1, sizeof *r);
	size_t len = strcspn(uri, "?");

	if (!r)
		return NULL;
	r->path = strndup(uri, len);
	r->query = strdup(uri[len] ? uri + len + 1 : "");
	if (r->path && r->query)
		return r;
	request_free(r);
	free(r);
	return NULL;
}

static enum MHD_Result on_header(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct request *r = ctx;

	if (!request_add_header(r, name, value ? value : ""))
		r->too_many = true;
	return MHD_YES;
}

static enum MHD_Result begin(struct http_server *s, struct MHD_Connection *connection, struct request *r, const char *method)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	r->method = strdup(method);
	r->fd = info ? info->connect_fd : -1;
	if (!r->method)
		return MHD_NO;
	MHD_get_connection_values(connection, MHD_HEADER_KIND, on_header, r);
	r->body.limit = s->config.body_limit(s->config.ctx, r);
	return MHD_YES;
}

static enum MHD_Result take(struct request *r, const char *data, size_t *size)
{
	r->received += *size;
	if (!r->too_large && r->body.len + *size > r->body.limit) {
		r->too_large = true;
		buf_free(&r->body);
	}
	if (!r->too_large)
		buf_append(&r->body, data, *size);
	*size = 0;
	return r->body.failed || r->received > BODY_DROPPED_MAX ? MHD_NO : MHD_YES;
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, struct reply *reply)
{
	struct MHD_Response *response;
	enum MHD_Result rc;
	size_t len = reply->body.len;
	char *body;

	if (!reply->status || reply->body.failed)
		return MHD_NO;
	body = buf_steal(&reply->body);
	if (!body)
		return MHD_NO;
	response = MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(body);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Content-Type", reply->content_type ? reply->content_type : "application/json");
	for (size_t i = 0; i < reply->header_count; i++)
		MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
	rc = MHD_queue_response(connection, (unsigned)reply->status, response);
	MHD_destroy_response(response);
	return rc;
}

static enum MHD_Result on_access(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
				 const char *version, const char *upload, size_t *upload_size, void **state)
{
	struct http_server *s = ctx;
	struct request *r = *state;
	struct reply reply = { 0 };
	enum MHD_Result rc;

	if (!r)
		return MHD_NO;
	if (!r->method)
		return begin(s, connection, r, method);
	if (*upload_size)
		return take(r, upload, upload_size);
	/* The time-out counts from the last byte received, and would drop the reply of a handler that took longer. */
	MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
	s->config.handle(s->config.ctx, r, &reply);
	rc = send_reply(connection, &reply);
	reply_free(&reply);
	return rc;
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
	struct http_server *s = ctx;
	struct request *r = *state;

	*state = NULL;
	if (r) {
		request_free(r);
		free(r);
	}
	if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, s->config.idle_seconds);
}

int http_start(struct http_server **ret, const struct http_config *config, struct err *e)
{
	struct http_server *s = calloc(1, sizeof *s);

	int fd;

	if (!s)
		return err_nomem(e);
	s->config = *config;
	/* The library closes what it is given. */
	fd = fcntl(config->fd, F_DUPFD_CLOEXEC, 0);
	if (fd >= 0)
		s->daemon = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC,
				     0, NULL, NULL, on_access, s,
				     MHD_OPTION_LISTEN_SOCKET, fd,
				     MHD_OPTION_URI_LOG_CALLBACK, on_uri, s,
				     MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
				     MHD_OPTION_CONNECTION_LIMIT, config->connections,
				     MHD_OPTION_CONNECTION_TIMEOUT, config->idle_seconds,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)65536,
				     MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_SIZE,
				     MHD_OPTION_END);
	if (!s->daemon) {
		if (fd >= 0)
			close(fd);
		free(s);
		return err_set(e, ERR_INTERNAL, "the HTTP listener doesn't start");
	}
	*ret = s;
	return 0;
}

void http_stop(struct http_server *s)
{
	if (!s)
		return;
	MHD_stop_daemon(s->daemon);
	free(s);
}
