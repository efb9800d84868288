#include "agent-gateway/agent/health.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent-gateway/agent/process.h"
#include "lib/docker/health.h"
#include "lib/ids.h"

#define CODE_NONE (-1) /* as dockerd: there is no exit code */

struct report {
	struct json_object *text;
	uint64_t ping; /* 0: not sent */
};

struct health_monitor {
	struct agent *agent;
	struct session *session;
	const struct launch *container;
	struct health_check check;
	struct health health;
	struct launch launch;      /* of the probe */
	struct event *next, *patience;
	int64_t started_at;        /* the main process's, ns since the epoch; 0: not yet, or no more */
	int64_t number;            /* of the probe that runs, or ran */
	pid_t pid;                 /* 0: none runs */
	bool late;                 /* its time was over */
	int64_t began_at;
	char exec[ID_HEX_LEN + 1];
	int pipes[2];              /* -1: closed */
	struct event *readable[2];
	size_t len;
	bool cut;
	char output[HEALTH_OUTPUT_MAX + 4];
	struct report reports[HEALTH_LOG_MAX];
};

static void after(struct event *timer, int64_t ns)
{
	struct timeval tv = { .tv_sec = ns / 1000000000, .tv_usec = ns % 1000000000 / 1000 };

	evtimer_add(timer, &tv);
}

static void take(struct health_monitor *m, const char *data, size_t len)
{
	size_t room = HEALTH_OUTPUT_MAX - m->len;

	if (len > room) {
		m->cut = true;
		len = room;
	}
	memcpy(m->output + m->len, data, len);
	m->len += len;
}

static void close_pipe(struct health_monitor *m, int i)
{
	if (m->readable[i])
		event_free(m->readable[i]);
	m->readable[i] = NULL;
	if (m->pipes[i] >= 0)
		close(m->pipes[i]);
	m->pipes[i] = -1;
}

/* False: nothing is there now, or it has ended. */
static bool read_some(struct health_monitor *m, int i)
{
	char data[4096];
	ssize_t n = m->pipes[i] < 0 ? -1 : read(m->pipes[i], data, sizeof data);

	if (n > 0)
		take(m, data, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		close_pipe(m, i);
	return n > 0;
}

static void on_output(evutil_socket_t fd, short what, void *arg)
{
	struct health_monitor *m = arg;

	for (int i = 0; i < 2; i++)
		if (m->pipes[i] == fd)
			read_some(m, i);
}

static void send_report(struct health_monitor *m, struct report *r)
{
	if (!r->text || !session_ready(m->session))
		return;
	session_send_json(m->session, WIRE_HEALTH, WIRE_MAIN, r->text);
	r->ping = session_ping_number(m->session);
}

void health_resume(struct health_monitor *m)
{
	if (!m)
		return;
	for (int i = 0; i < HEALTH_LOG_MAX; i++)
		if (!m->reports[i].ping || session_confirmed(m->session) < m->reports[i].ping)
			send_report(m, &m->reports[i]);
}

/* Takes the report over; the oldest makes room. */
static void keep(struct health_monitor *m, struct json_object *text)
{
	struct report *last = &m->reports[HEALTH_LOG_MAX - 1];

	json_object_put(m->reports[0].text);
	memmove(m->reports, m->reports + 1, (HEALTH_LOG_MAX - 1) * sizeof *m->reports);
	*last = (struct report){ .text = text };
	send_report(m, last);
}

static struct json_object *report_new(struct health_monitor *m)
{
	struct json_object *o = json_object_new_object();

	if (o && json_add_int(o, "probe", m->number) && json_add_str(o, "exec", m->exec) && json_add_int(o, "start", m->began_at))
		return o;
	json_object_put(o);
	return NULL;
}

static struct json_object *failure_of(const struct health_monitor *m, const struct process_failure *f)
{
	struct json_object *o = json_object_new_object();

	if (o && json_add_str(o, "step", process_step_name(f->step)) && json_add_int(o, "errno", f->error) &&
	    json_add_str(o, "path", m->launch.args[0]) && json_add_str(o, "detail", process_failure_text(f)))
		return o;
	json_object_put(o);
	return NULL;
}

/* The time as Go writes it: 500ms, 1.5s, 2m0s. */
static void put_timeout(struct health_monitor *m)
{
	double seconds = (double)m->check.timeout / 1e9;
	int minutes = seconds < 1e6 ? (int)(seconds / 60) : 0;
	char minutes_text[16] = "";

	if (minutes)
		snprintf(minutes_text, sizeof minutes_text, "%dm", minutes);
	snprintf(m->output, sizeof m->output, "Health check exceeded timeout (%s%g%s)", minutes_text,
		 seconds < 1 ? seconds * 1e3 : seconds - 60.0 * minutes, seconds < 1 ? "ms" : "s");
}

/* failure: NULL, or why it couldn't be started. */
static void probed(struct health_monitor *m, int code, const struct process_failure *failure)
{
	struct json_object *o = report_new(m);
	int64_t now = agent_now();

	health_probed(&m->check, &m->health, code, m->began_at - m->started_at);
	m->output[m->len] = '\0';
	if (m->cut)
		strcpy(m->output + m->len, "...");
	if (m->late)
		put_timeout(m);
	if (o && json_add_int(o, "end", now) && json_add_int(o, "code", code) && json_add(o, "output", json_string(m->output)) &&
	    json_add_str(o, "status", health_status_name(m->health.status)) && json_add_int(o, "streak", m->health.streak) &&
	    (!failure || json_add(o, "failed", failure_of(m, failure))))
		keep(m, json_object_get(o));
	json_object_put(o);
	after(m->next, health_wait(&m->check, &m->health, now - m->started_at));
}

static bool watch(struct health_monitor *m, const struct process_pipes *pipes)
{
	const int fds[2] = { pipes->out, pipes->err };

	for (int i = 0; i < 2; i++) {
		m->pipes[i] = fds[i];
		m->readable[i] = event_new(m->agent->base, fds[i], EV_READ | EV_PERSIST, on_output, m);
		if (!m->readable[i] || event_add(m->readable[i], NULL) < 0)
			return false;
	}
	return true;
}

static void start(evutil_socket_t fd, short what, void *arg)
{
	struct health_monitor *m = arg;
	struct process_pipes pipes = { -1, -1, -1 };
	struct process_failure failure;

	m->number++;
	m->len = 0;
	m->cut = m->late = false;
	m->began_at = agent_now();
	id_random(m->exec, ID_HEX_LEN / 2);
	if (process_start(&m->launch, &pipes, &m->pid, &failure) < 0) {
		m->pid = 0;
		probed(m, CODE_NONE, &failure);
		return;
	}
	if (pipes.in >= 0)
		close(pipes.in);
	if (!watch(m, &pipes))
		kill(m->pid, SIGKILL);
	keep(m, report_new(m));
	after(m->patience, m->check.timeout);
}

static void lose_patience(evutil_socket_t fd, short what, void *arg)
{
	struct health_monitor *m = arg;

	m->late = true;
	if (m->pid > 0)
		kill(m->pid, SIGKILL);
}

static void close_pipes(struct health_monitor *m)
{
	for (int i = 0; i < 2; i++) {
		while (!m->cut && read_some(m, i))
			;
		close_pipe(m, i);
	}
}

bool health_reaped(struct health_monitor *m, pid_t pid, int code)
{
	if (!m || pid != m->pid)
		return false;
	m->pid = 0;
	evtimer_del(m->patience);
	close_pipes(m);
	if (m->started_at)
		probed(m, m->late ? CODE_NONE : code, NULL);
	return true;
}

static int read_launch(struct health_monitor *m, struct json_object *health, struct err *e)
{
	CLEANUP_JSON struct json_object *open = json_object_new_object();

	if (!open || !json_add(open, "args", json_object_get(json_array(health, "args"))))
		return err_nomem(e);
	return launch_of_open(open, m->container, &m->launch, e);
}

int health_new(struct agent *a, struct session *s, struct json_object *health, const struct launch *container, struct health_monitor **ret,
	       struct err *e)
{
	struct health_monitor *m;

	if (!json_array(health, "args"))
		return 0;
	m = calloc(1, sizeof *m);
	if (!m)
		return err_nomem(e);
	*m = (struct health_monitor){ .agent = a, .session = s, .container = container, .pipes = { -1, -1 } };
	health_check_read(health, &m->check);
	m->next = evtimer_new(a->base, start, m);
	m->patience = evtimer_new(a->base, lose_patience, m);
	if (!m->next || !m->patience)
		err_nomem(e);
	else if (read_launch(m, health, e) == 0) {
		*ret = m;
		return 0;
	}
	health_free(m);
	return -1;
}

void health_begin(struct health_monitor *m)
{
	if (!m)
		return;
	m->started_at = agent_now();
	after(m->next, health_wait(&m->check, &m->health, 0));
}

void health_stop(struct health_monitor *m)
{
	if (!m)
		return;
	m->started_at = 0;
	evtimer_del(m->next);
	if (m->pid > 0)
		kill(m->pid, SIGKILL);
}

void health_pause(struct health_monitor *m, bool paused)
{
	if (!m || !m->started_at)
		return;
	evtimer_del(m->next);
	if (!paused) {
		after(m->next, m->check.interval);
		return;
	}
	if (m->pid > 0)
		kill(m->pid, SIGKILL);
	/* Its end comes later, and is nobody's. */
	m->pid = 0;
	evtimer_del(m->patience);
	close_pipes(m);
	m->health = (struct health){ .status = HEALTH_UNHEALTHY };
}

void health_free(struct health_monitor *m)
{
	if (!m)
		return;
	close_pipe(m, 0);
	close_pipe(m, 1);
	if (m->next)
		event_free(m->next);
	if (m->patience)
		event_free(m->patience);
	for (int i = 0; i < HEALTH_LOG_MAX; i++)
		json_object_put(m->reports[i].text);
	launch_free(&m->launch);
	free(m);
}
