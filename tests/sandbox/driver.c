/*
 * Runs sandboxes on the word of a test: one command a line on standard input,
 * one answer a line on standard output. It stands where sockerless-lambda
 * stands otherwise, so that a test can kill it.
 *
 *   driver sweep DIR
 *   driver serve DIR RELAY|- URI     then: create NAME MEMORY_MB TMP_MB WORKDIR SHELL-COMMAND | exec ... | start NAME
 *                                    | wait NAME | output NAME | freeze NAME | thaw NAME | kill NAME | stat NAME | destroy NAME
 *                                    | prepare URI | accept NAME | parallel COUNT URI | quit
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/log.h"
#include "local-lambda/sandbox.h"

#define SLOTS 64

struct slot {
	char name[32];
	struct sandbox *sandbox;
	int output;
};

struct driver {
	struct image_store *store;
	struct sandbox_host *host;
	struct image *image;
	struct slot slots[SLOTS];
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static struct slot *slot_find(struct driver *d, const char *name)
{
	for (int i = 0; i < SLOTS; i++)
		if (!strcmp(d->slots[i].name, name))
			return &d->slots[i];
	return NULL;
}

/* The rest of the line is a shell command, or for `exec` one program's path. */
static void create(struct driver *d, char *args, bool shell)
{
	char name[32], workdir[256];
	unsigned memory, tmp;
	int used = 0;
	double begin = now_ms();
	struct err e;
	struct slot *slot = slot_find(d, "");

	if (!slot || sscanf(args, "%31s %u %u %255s %n", name, &memory, &tmp, workdir, &used) != 4) {
		printf("error usage\n");
		return;
	}
	char *sh[] = { (char[]){ "/bin/busybox" }, (char[]){ "sh" }, (char[]){ "-c" }, args + used, NULL };
	char *one[] = { args + used, NULL };
	char *env[] = { (char[]){ "PATH=/bin" }, NULL };
	struct sandbox_spec spec = { name, d->image, shell ? sh : one, env, workdir, memory, tmp };

	if (sandbox_create(d->host, &spec, &slot->sandbox, &e) < 0) {
		printf("error %s\n", e.text);
		return;
	}
	snprintf(slot->name, sizeof slot->name, "%s", name);
	slot->output = -1;
	printf("ok %.1f\n", now_ms() - begin);
}

static void start(struct slot *slot)
{
	double begin = now_ms();
	struct err e;

	if (slot->output >= 0)
		close(slot->output);
	slot->output = -1;
	if (sandbox_start(slot->sandbox, &slot->output, &e) < 0)
		printf("error %s\n", e.text);
	else
		printf("ok %.1f\n", now_ms() - begin);
}

/* One line of output of the process, or "eof". */
static void output(struct slot *slot)
{
	BUF_CLEANUP struct buf line = BUF_LIMITED(65536);
	struct pollfd wait = { .fd = slot->output, .events = POLLIN };
	char c = 0;
	ssize_t n = 0;

	while (poll(&wait, 1, 20000) == 1 && (n = read(slot->output, &c, 1)) == 1 && c != '\n')
		buf_putc(&line, c);
	if (n == 1 && c == '\n')
		printf("ok %s\n", line.data ? line.data : "");
	else
		printf("eof\n");
}

/* Takes one connection at the Runtime API's listener and answers it with one line. */
static void accept_one(struct slot *slot)
{
	int listener = sandbox_runtime_listener(slot->sandbox);
	struct pollfd wait = { .fd = listener, .events = POLLIN };
	char text[256];
	CLEANUP_CLOSE int fd = poll(&wait, 1, 20000) == 1 ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;

	if (n <= 0 || write(fd, "hello\n", 6) != 6) {
		printf("error accept\n");
		return;
	}
	text[n] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	printf("ok %s\n", text);
}

static void on_slot(struct slot *slot, const char *verb)
{
	int status;

	if (!strcmp(verb, "start")) {
		start(slot);
	} else if (!strcmp(verb, "output")) {
		output(slot);
	} else if (!strcmp(verb, "accept")) {
		accept_one(slot);
	} else if (!strcmp(verb, "wait")) {
		sandbox_wait(slot->sandbox, &status);
		printf("ok %s %d\n", WIFEXITED(status) ? "exit" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	} else if (!strcmp(verb, "stat")) {
		printf("ok peak %u oom %d\n", sandbox_memory_peak_mb(slot->sandbox), sandbox_oom_killed(slot->sandbox));
	} else {
		if (!strcmp(verb, "freeze"))
			sandbox_freeze(slot->sandbox);
		else if (!strcmp(verb, "thaw"))
			sandbox_thaw(slot->sandbox);
		else if (!strcmp(verb, "kill"))
			sandbox_kill(slot->sandbox);
		else if (!strcmp(verb, "destroy")) {
			sandbox_destroy(slot->sandbox);
			if (slot->output >= 0)
				close(slot->output);
			slot->name[0] = '\0';
		}
		printf("ok\n");
	}
}

static void prepare(struct driver *d, const char *uri)
{
	struct image *image;
	struct err e;

	if (image_prepare(d->store, uri, NULL, "x86_64", &image, &e) < 0) {
		printf("error %s\n", e.text);
		return;
	}
	image_unref(d->image);
	d->image = image;
	printf("ok %u\n", image_layer_count(image));
}

struct life {
	struct driver *d;
	const char *uri;
	unsigned number;
	bool fine;
	pthread_t thread;
};

/* All of a function's life, beside others. */
static void *life_run(void *arg)
{
	struct life *life = arg;
	char *argv[] = { (char[]){ "/bin/busybox" }, (char[]){ "sh" }, (char[]){ "-c" }, (char[]){ "cat /p4 >/tmp/x; exit 9" }, NULL };
	char *env[] = { NULL };
	char name[16];
	struct image *image;
	struct sandbox *sandbox = NULL;
	int output, status = 0;
	struct err e;

	if (image_prepare(life->d->store, life->uri, NULL, "x86_64", &image, &e) < 0) {
		log_error("%s", e.text);
		return NULL;
	}
	snprintf(name, sizeof name, "life%u", life->number % 4);
	struct sandbox_spec spec = { name, image, argv, env, NULL, 128, 64 };

	if (sandbox_create(life->d->host, &spec, &sandbox, &e) < 0 || sandbox_start(sandbox, &output, &e) < 0) {
		log_error("%s", e.text);
	} else {
		sandbox_wait(sandbox, &status);
		close(output);
	}
	sandbox_destroy(sandbox);
	image_unref(image);
	life->fine = WIFEXITED(status) && WEXITSTATUS(status) == 9;
	return NULL;
}

static void parallel(struct driver *d, const char *args)
{
	struct life lives[SLOTS];
	unsigned count, fine = 0;
	int used = 0;

	if (sscanf(args, "%u %n", &count, &used) != 1 || count > SLOTS) {
		printf("error usage\n");
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		lives[i] = (struct life){ .d = d, .uri = args + used, .number = i };
		if (pthread_create(&lives[i].thread, NULL, life_run, &lives[i]))
			abort();
	}
	for (unsigned i = 0; i < count; i++) {
		pthread_join(lives[i].thread, NULL);
		fine += lives[i].fine;
	}
	printf("ok %u\n", fine);
}

static void serve(struct driver *d)
{
	CLEANUP_FREE char *line = NULL;
	size_t cap = 0;

	while (getline(&line, &cap, stdin) > 0) {
		char verb[16];
		int used = 0;

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%15s %n", verb, &used) != 1 || !strcmp(verb, "quit"))
			break;
		struct slot *slot = slot_find(d, line + used);

		if (!strcmp(verb, "create") || !strcmp(verb, "exec"))
			create(d, line + used, *verb == 'c');
		else if (!strcmp(verb, "prepare"))
			prepare(d, line + used);
		else if (!strcmp(verb, "parallel"))
			parallel(d, line + used);
		else if (slot)
			on_slot(slot, verb);
		else
			printf("error no such sandbox\n");
	}
	for (int i = 0; i < SLOTS; i++)
		if (d->slots[i].name[0])
			sandbox_destroy(d->slots[i].sandbox);
}

int main(int argc, char **argv)
{
	struct driver d = { NULL };
	struct err e;
	char images[4096];

	log_init("driver");
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && !strcmp(argv[1], "sweep")) {
		if (sandbox_host_sweep(argv[2], &e) == 0)
			return 0;
		log_error("%s", e.text);
		return 1;
	}
	if (argc != 4 || strcmp(argv[1], "serve"))
		return 2;
	struct sandbox_host_config config = { argv[2], strcmp(argv[3], "-") ? argv[3] : NULL };

	snprintf(images, sizeof images, "%s/images", argv[2]);
	if (sandbox_host_open(&d.host, &config, &e) < 0 || image_store_open(&d.store, images, &e) < 0) {
		printf("error %s\n", e.text);
		sandbox_host_close(d.host);
		return 1;
	}
	printf("ok\n");
	serve(&d);
	image_unref(d.image);
	image_store_close(d.store);
	sandbox_host_close(d.host);
	return 0;
}
