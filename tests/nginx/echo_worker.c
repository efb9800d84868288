/*
 * echo_worker SOCKET: a FastCGI worker for tests of nginx's configuration. It
 * answers with its environment and the length of the body, or does what the
 * request's X-Test headers say:
 *   X-Test-Accel   hand over to this URI
 *   X-Test-Status  answer with this status and a body of its own
 *   X-Test-Body    "none": don't read the body
 */
#include <fcgiapp.h>
#include <stdio.h>
#include <string.h>

static long body_read(FCGX_Request *req)
{
	char buf[65536];
	long total = 0;
	int n;

	while ((n = FCGX_GetStr(buf, sizeof(buf), req->in)) > 0)
		total += n;
	return FCGX_GetError(req->in) == 0 ? total : -1;
}

static void answer(FCGX_Request *req, const char *name)
{
	const char *accel = FCGX_GetParam("HTTP_X_TEST_ACCEL", req->envp);
	const char *target = FCGX_GetParam("HTTP_X_TEST_TARGET", req->envp);
	const char *status = FCGX_GetParam("HTTP_X_TEST_STATUS", req->envp);
	const char *body = FCGX_GetParam("HTTP_X_TEST_BODY", req->envp);
	long length = body != NULL && strcmp(body, "none") == 0 ? -2 : body_read(req);
	char **env;

	if (target != NULL) {
		FCGX_FPrintF(req->out, "X-Sockerless-Target: %s\r\n\r\n", target);
		return;
	}
	if (accel != NULL) {
		FCGX_FPrintF(req->out, "X-Accel-Redirect: %s\r\n\r\n", accel);
		return;
	}
	FCGX_FPrintF(req->out, "Status: %s\r\nServer: Docker/test (linux)\r\nContent-Type: text/plain\r\n\r\n",
		     status != NULL ? status : "200 OK");
	FCGX_FPrintF(req->out, "WORKER=%s\nBODY_LENGTH=%ld\n", name, length);
	for (env = req->envp; *env != NULL; env++)
		FCGX_FPrintF(req->out, "%s\n", *env);
}

int main(int argc, char **argv)
{
	FCGX_Request req;
	const char *slash;
	int fd;

	if (argc != 2 || FCGX_Init() != 0)
		return 2;
	fd = FCGX_OpenSocket(argv[1], 128);
	if (fd < 0 || FCGX_InitRequest(&req, fd, 0) != 0)
		return 1;
	slash = strrchr(argv[1], '/');
	while (FCGX_Accept_r(&req) >= 0) {
		answer(&req, slash != NULL ? slash + 1 : argv[1]);
		FCGX_Finish_r(&req);
	}
	return 0;
}
