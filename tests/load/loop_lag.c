/*
 * LD_PRELOAD=loop_lag.so LOOP_LAG=FILE: how long a program's event loop was
 * away from epoll_wait(), in wall time and in its own processor time, noted in
 * FILE (struct lag) for whoever reads it meanwhile. What the wall time has
 * more, the loop was kept waiting for: a processor, a lock, a disk.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct lag {
	uint64_t rounds;
	uint64_t wall_max, cpu_max; /* ns */
	uint64_t wall_long, cpu_long; /* rounds of more than 5 ms */
};

#define LONG_ROUND 5000000

static uint64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct lag *lag_map(void)
{
	const char *path = getenv("LOOP_LAG");
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644) : -1;
	void *map = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, sizeof(struct lag)) == 0)
		map = mmap(NULL, sizeof(struct lag), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	return map == MAP_FAILED ? NULL : map;
}

static void note(struct lag *l, uint64_t wall, uint64_t cpu)
{
	l->rounds++;
	l->wall_long += wall > LONG_ROUND;
	l->cpu_long += cpu > LONG_ROUND;
	if (wall > l->wall_max)
		l->wall_max = wall;
	if (cpu > l->cpu_max)
		l->cpu_max = cpu;
}

int epoll_wait(int fd, struct epoll_event *events, int max, int timeout)
{
	static int (*wait)(int, struct epoll_event *, int, int);
	static uint64_t wall, cpu;
	static struct lag *lag;
	int n;

	if (!wait) {
		*(void **)&wait = dlsym(RTLD_NEXT, "epoll_wait");
		lag = lag_map();
	}
	/* The first thread's loop only. */
	if (!lag || gettid() != getpid())
		return wait(fd, events, max, timeout);
	if (wall)
		note(lag, now(CLOCK_MONOTONIC) - wall, now(CLOCK_THREAD_CPUTIME_ID) - cpu);
	n = wait(fd, events, max, timeout);
	wall = now(CLOCK_MONOTONIC);
	cpu = now(CLOCK_THREAD_CPUTIME_ID);
	return n;
}
