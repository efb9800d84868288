/* Runs inside a sandbox: tries what is refused there, and what must not be. One line for each, "as wanted" or not. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static void want(const char *what, long rc, int error) {
	printf("%s: %ld %d %s\n", what, rc, errno, (error ? rc < 0 && errno == error : rc >= 0) ? "as wanted" : "WRONG");
}
#define REFUSED(call) want(#call, call, EPERM)
#define ALLOWED(call) want(#call, call, 0)
int main(void) {
	REFUSED(socket(AF_PACKET, SOCK_RAW, 0));
	REFUSED(socket(AF_INET, SOCK_RAW, 1));
	REFUSED(socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, 58));
	REFUSED(socket(40, SOCK_STREAM, 0));
	ALLOWED(socket(AF_NETLINK, SOCK_RAW, 0));
	ALLOWED(socket(AF_INET, SOCK_DGRAM, 0));
	ALLOWED(socket(AF_UNIX, SOCK_STREAM, 0));
	REFUSED(syscall(SYS_mount, "a", "/tmp", "tmpfs", 0, 0));
	REFUSED(syscall(SYS_fsopen, "tmpfs", 0));
	REFUSED(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
	REFUSED(syscall(SYS_bpf, 0, 0, 0));
	REFUSED(syscall(SYS_perf_event_open, 0, 0, 0, 0, 0));
	REFUSED(syscall(SYS_init_module, 0, 0, 0));
	REFUSED(syscall(SYS_kexec_load, 0, 0, 0, 0));
	REFUSED(setns(0, 0));
	REFUSED(unshare(CLONE_NEWUSER));
	REFUSED(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
	REFUSED(mknod("/tmp/device", S_IFBLK | 0600, 0));
	REFUSED(setuid(0));
	REFUSED(chroot("/tmp"));
	ALLOWED(mkfifo("/tmp/pipe", 0600));
	want("clone3", syscall(SYS_clone3, 0, 0), ENOSYS);
	REFUSED(kill(1, SIGKILL));
	want("init's memory", open("/proc/1/mem", O_RDONLY), EACCES);
	want("init's environment", open("/proc/1/environ", O_RDONLY), EACCES);
	int pty = posix_openpt(O_RDWR | O_NOCTTY);
	ALLOWED(pty);
	ALLOWED(grantpt(pty));
	ALLOWED(unlockpt(pty));
	ALLOWED(open(ptsname(pty), O_RDWR | O_NOCTTY));
	pid_t child = fork();
	if (!child) { pause(); _exit(0); }
	ALLOWED(ptrace(PTRACE_ATTACH, child, 0, 0));
	kill(child, SIGKILL);
	return 0;
}
