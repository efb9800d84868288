#include "lib/aws/credentials.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/aws/credentials_parse.h"
#include "lib/aws/easy.h"
#include "lib/aws/profile.h"
#include "lib/aws/web_identity.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

#define ANSWER_MAX (64u << 10)
#define PROCESS_TIMEOUT 30 /* seconds */
#define CONTAINER_HOST "http://169.254.170.2"
#define IMDS_HOST "http://169.254.169.254"

extern char **environ;

/* Each source: 1 when it gave credentials, 0 when it isn't configured, -1 with e set when it failed. */

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static int from_environment(struct aws_credentials *ret, struct err *e)
{
	const char *id = variable("AWS_ACCESS_KEY_ID");
	const char *secret = variable("AWS_SECRET_ACCESS_KEY");

	if (!id && !secret)
		return 0;
	if (!id || !secret)
		return err_set(e, ERR_UNAUTHORIZED, "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set");
	return aws_credentials_set(ret, id, secret, variable("AWS_SESSION_TOKEN"), 0, e) < 0 ? -1 : 1;
}

/* Seconds that no setting of the clock changes. */
static time_t uptime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static int read_all(int fd, struct buf *out, struct err *e)
{
	time_t deadline = uptime() + PROCESS_TIMEOUT;
	char chunk[4096];

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		time_t left = deadline - uptime();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left * 1000) == 0)
			return err_set(e, ERR_UNAUTHORIZED, "credential_process took longer than %d s", PROCESS_TIMEOUT);
		n = read(fd, chunk, sizeof chunk);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_errno(e, errno, "credential_process");
		if (n > 0)
			buf_append(out, chunk, (size_t)n);
		if (out->failed)
			return err_set(e, ERR_UNAUTHORIZED, "credential_process wrote too much");
	}
}

static int spawn_shell(const char *command, int out, pid_t *ret, struct err *e)
{
	char shell[] = "/bin/sh", option[] = "-c";
	CLEANUP_FREE char *copy = strdup(command);
	char *argv[] = { shell, option, copy, NULL };
	posix_spawn_file_actions_t actions;
	int rc;

	if (!copy || posix_spawn_file_actions_init(&actions) != 0)
		return err_nomem(e);
	rc = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn(ret, shell, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return rc == 0 ? 0 : err_errno(e, rc, "credential_process");
}

static int from_process(const char *command, struct aws_credentials *ret, struct err *e)
{
	BUF_CLEANUP struct buf out = BUF_LIMITED(ANSWER_MAX);
	CLEANUP_CLOSE int reader = -1;
	int ends[2], status = 0, rc;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, errno, "pipe");
	reader = ends[0];
	rc = spawn_shell(command, ends[1], &pid, e);
	close(ends[1]);
	if (rc < 0)
		return -1;
	rc = read_all(reader, &out, e);
	if (rc < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc < 0)
		return -1;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(e, ERR_UNAUTHORIZED, "credential_process failed");
	return aws_credentials_parse(out.data ? out.data : "", out.len, "credential_process", ret, e) < 0 ? -1 : 1;
}

static int from_profile(struct aws_credentials *ret, struct err *e)
{
	CLEANUP_FREE char *id = NULL, *secret = NULL, *token = NULL, *process = NULL, *role = NULL;

	if (aws_profile_value("aws_access_key_id", &id, e) < 0 || aws_profile_value("aws_secret_access_key", &secret, e) < 0 ||
	    aws_profile_value("aws_session_token", &token, e) < 0 || aws_profile_value("credential_process", &process, e) < 0 ||
	    aws_profile_value("role_arn", &role, e) < 0)
		return -1;
	if (role)
		return err_set(e, ERR_UNAUTHORIZED,
			       "role_arn in the AWS profile is not supported: use credential_process or credentials of the role");
	if (id && secret)
		return aws_credentials_set(ret, id, secret, token, 0, e) < 0 ? -1 : 1;
	if (process)
		return from_process(process, ret, e);
	return 0;
}

static size_t collect(char *data, size_t size, size_t n, void *arg)
{
	struct buf *b = arg;

	buf_append(b, data, size * n);
	return b->failed ? 0 : size * n;
}

/* A request to a local metadata endpoint: never by a proxy, never redirected. The status, or -1. */
static int ask(const char *method, const char *url, const char *header, struct buf *out, struct err *e)
{
	EASY_CLEANUP CURL *easy = curl_easy_init();
	SLIST_CLEANUP struct curl_slist *headers = NULL;
	CURLcode rc = CURLE_OK;
	long status = 0;

	if (!easy || !aws_easy_defaults(easy) || (header && !aws_slist_add(&headers, header)))
		return err_nomem(e);
	rc |= curl_easy_setopt(easy, CURLOPT_URL, url);
	rc |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
	rc |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	rc |= curl_easy_setopt(easy, CURLOPT_PROXY, "");
	rc |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, 2L);
	rc |= curl_easy_setopt(easy, CURLOPT_TIMEOUT, 5L);
	rc |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect);
	rc |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, out);
	if (rc != CURLE_OK)
		return err_set(e, ERR_INTERNAL, "curl refuses its options");
	rc = curl_easy_perform(easy);
	if (rc != CURLE_OK)
		return err_set(e, ERR_UNAUTHORIZED, "AWS credentials from %s: %s", url, curl_easy_strerror(rc));
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

static int fetch(const char *url, const char *header, struct aws_credentials *ret, struct err *e)
{
	BUF_CLEANUP struct buf out = BUF_LIMITED(ANSWER_MAX);
	int status = ask("GET", url, header, &out, e);

	if (status < 0)
		return -1;
	if (status != 200)
		return err_set(e, ERR_UNAUTHORIZED, "AWS credentials from %s: status %d", url, status);
	return aws_credentials_parse(out.data ? out.data : "", out.len, url, ret, e) < 0 ? -1 : 1;
}

/* By plain HTTP the token goes to this machine and the two container hosts only. */
static bool is_local_url(const char *url)
{
	static const char *const hosts[] = { "localhost", "127.0.0.1", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]" };

	if (!strncmp(url, "https://", 8))
		return true;
	if (strncmp(url, "http://", 7) != 0)
		return false;
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		size_t len = strlen(hosts[i]);

		if (!strncmp(url + 7, hosts[i], len) && (!url[7 + len] || strchr(":/", url[7 + len])))
			return true;
	}
	return false;
}

static int container_header(struct buf *header, struct err *e)
{
	const char *path = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *token = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	char line[8192];

	if (path) {
		CLEANUP_FCLOSE FILE *f = fopen(path, "re");

		if (!f || !fgets(line, sizeof line, f))
			return err_set(e, ERR_UNAUTHORIZED, "%s: can't be read", path);
		line[strcspn(line, "\r\n")] = '\0';
		token = line;
	}
	if (token && !token[strcspn(token, "\r\n")])
		buf_printf(header, "Authorization: %s", token);
	return header->failed ? err_nomem(e) : 0;
}

static int from_container(struct aws_credentials *ret, struct err *e)
{
	const char *relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	BUF_CLEANUP struct buf url = BUF_INIT;
	BUF_CLEANUP struct buf header = BUF_INIT;

	if (!relative && !full)
		return 0;
	if (!relative && !is_local_url(full))
		return err_set(e, ERR_UNAUTHORIZED, "AWS_CONTAINER_CREDENTIALS_FULL_URI names neither https nor a local host");
	buf_printf(&url, "%s%s", relative ? CONTAINER_HOST : full, relative ? relative : "");
	if (url.failed)
		return err_nomem(e);
	if (container_header(&header, e) < 0)
		return -1;
	return fetch(url.data, header.data, ret, e);
}

static int from_instance(struct aws_credentials *ret, struct err *e)
{
	const char *disabled = variable("AWS_EC2_METADATA_DISABLED");
	const char *host = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	BUF_CLEANUP struct buf token = BUF_LIMITED(ANSWER_MAX), role = BUF_LIMITED(ANSWER_MAX);
	BUF_CLEANUP struct buf url = BUF_INIT, header = BUF_INIT;

	if (disabled && !strcasecmp(disabled, "true"))
		return 0;
	host = host ? host : IMDS_HOST;
	buf_printf(&url, "%s/latest/api/token", host);
	/* Without the service this machine is no instance: that is no failure of a source, there is none. */
	if (ask("PUT", url.data, "X-aws-ec2-metadata-token-ttl-seconds: 21600", &token, NULL) != 200 || !token.data)
		return 0;
	buf_printf(&header, "X-aws-ec2-metadata-token: %s", token.data);
	buf_reset(&url);
	buf_printf(&url, "%s/latest/meta-data/iam/security-credentials/", host);
	if (ask("GET", url.data, header.data, &role, NULL) != 200 || !role.data)
		return 0;
	role.data[strcspn(role.data, "\r\n")] = '\0';
	buf_puts(&url, role.data);
	return url.failed || header.failed ? err_nomem(e) : fetch(url.data, header.data, ret, e);
}

int aws_credentials_load(struct aws_credentials *ret, struct err *e)
{
	static int (*const sources[])(struct aws_credentials *ret, struct err *e) = {
		from_environment, from_profile, aws_web_identity, from_container, from_instance,
	};
	struct aws_credentials c = { 0 };

	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
		int rc = sources[i](&c, e);

		if (rc < 0)
			return -1;
		if (rc > 0) {
			*ret = c;
			return 0;
		}
	}
	return err_set(e, ERR_UNAUTHORIZED, "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile");
}
