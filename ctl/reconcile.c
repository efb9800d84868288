/*
 * sockerlessctl reconcile: brings AWS and the store together again. --once
 * does everything one time; --watch (the default, a service) does the rows on
 * each hint and each minute, the registry each minute, and functions, spools and indexes at start and hourly.
 * After an error of AWS it waits, longer each time.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/sweep.h"
#include "lib/hint.h"
#include "lib/log.h"

#define MINUTE 60
#define HOUR 3600
#define SECOND INT64_C(1000000000)
#define JUMP_MIN 2 /* seconds; less is the clock's correction */
#define PAUSE_FIRST 2
#define PAUSE_MAX 300

struct watch {
	struct sweep sweep;
	int hint;          /* -1: none */
	int signals;
	int64_t clock;     /* ns: the time of day less the monotonic clock, at the last turn */
	int64_t minute_at; /* monotonic seconds; when the next is due */
	int64_t registry_at;
	int64_t hour_at;
	int64_t pause;     /* seconds; 0: no error last time */
	int64_t quiet_until;
};

static int64_t now_seconds(void)
{
	return time_monotonic() / SECOND;
}

/* Rows' ages are told by the time of day. When somebody has set it, no row is old until as much time has passed in truth. */
static void notice_jump(struct watch *w)
{
	int64_t clock = time_now() - time_monotonic();
	int64_t jump = clock - w->clock;

	w->clock = clock;
	if (llabs(jump) < JUMP_MIN * SECOND)
		return;
	log_warn("the clock was set by %lld s", (long long)(jump / SECOND));
	w->sweep.steady_since = time_monotonic();
}

static int sweep_minute(struct sweep *s, struct err *e)
{
	if (sweep_creating(s, e) < 0 || sweep_expired(s, e) < 0)
		return -1;
	sweep_checkpoint(s);
	return 0;
}

static int sweep_hour(struct sweep *s, struct err *e)
{
	return sweep_functions(s, e) < 0 || sweep_spool(s, e) < 0 || sweep_index(s, e) < 0 ? -1 : 0;
}

static int once(struct sweep *s, struct err *e)
{
	return sweep_minute(s, e) < 0 || sweep_removing(s, e) < 0 || sweep_registry(s, e) < 0 || sweep_hour(s, e) < 0 ? -1 : 0;
}

/* Does what is due. */
static int turn(struct watch *w, int64_t now, struct err *e)
{
	if (now >= w->minute_at) {
		w->minute_at = now + MINUTE;
		if (sweep_minute(&w->sweep, e) < 0)
			return -1;
	}
	if (now < w->quiet_until)
		return 0;
	if (sweep_removing(&w->sweep, e) < 0)
		return -1;
	if (now >= w->registry_at) {
		if (sweep_registry(&w->sweep, e) < 0)
			return -1;
		w->registry_at = now + MINUTE;
	}
	if (now >= w->hour_at) {
		if (sweep_hour(&w->sweep, e) < 0)
			return -1;
		w->hour_at = now + HOUR;
	}
	w->pause = 0;
	return 0;
}

static int next_timeout(const struct watch *w)
{
	int64_t now = now_seconds();
	int64_t at = w->minute_at;

	if (w->pause && w->quiet_until < at)
		at = w->quiet_until;
	return at <= now ? 0 : (int)(at - now) * 1000;
}

/* 1: go on, 0: told to end. */
static int wait_for_work(struct watch *w, struct err *e)
{
	struct pollfd p[] = { { .fd = w->signals, .events = POLLIN }, { .fd = w->hint, .events = POLLIN } };

	if (poll(p, 2, next_timeout(w)) < 0 && errno != EINTR)
		return err_errno(e, errno, "poll");
	if (p[0].revents)
		return 0;
	if (p[1].revents)
		hint_drain(w->hint);
	return 1;
}

static int watch(struct watch *w, struct err *e)
{
	int rc;

	do {
		int64_t now = now_seconds();

		notice_jump(w);
		if (turn(w, now, e) < 0) {
			w->pause = w->pause ? w->pause * 2 : PAUSE_FIRST;
			if (w->pause > PAUSE_MAX)
				w->pause = PAUSE_MAX;
			w->quiet_until = now + w->pause;
			log_warn("%s (again in %lld s)", e->text, (long long)w->pause);
		}
	} while ((rc = wait_for_work(w, e)) > 0);
	return rc;
}

static int listen_signals(int *ret, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || (*ret = signalfd(-1, &set, SFD_CLOEXEC)) < 0)
		return err_errno(e, errno, "signalfd");
	return 0;
}

static int run(struct watch *w, bool just_once, struct err *e)
{
	struct sweep *s = &w->sweep;

	if (store_open(&s->store, s->settings->state_dir, e) < 0 || aws_client_open(&s->aws, s->settings->aws_timeout, e) < 0)
		return -1;
	if (just_once)
		return once(s, e);
	if (listen_signals(&w->signals, e) < 0 || hint_listen(s->settings->run_dir, HINT_RECONCILER, &w->hint, e) < 0)
		return -1;
	w->clock = time_now() - time_monotonic();
	return watch(w, e);
}

int ctl_reconcile(const struct settings *settings, int argc, char **argv)
{
	struct watch w = { .sweep.settings = settings, .hint = -1, .signals = -1 };
	bool just_once = argc == 2 && strcmp(argv[1], "--once") == 0;
	struct err e = { 0 };
	int rc;

	if (argc > 2 || (argc == 2 && !just_once && strcmp(argv[1], "--watch") != 0))
		return -1;
	log_init("sockerless-reconciler");
	rc = run(&w, just_once, &e);
	if (rc < 0)
		log_error("%s", e.text);
	if (w.hint >= 0)
		close(w.hint);
	if (w.signals >= 0)
		close(w.signals);
	aws_client_close(w.sweep.aws);
	store_close(w.sweep.store);
	return rc < 0 ? 1 : 0;
}
