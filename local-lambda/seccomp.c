#include "local-lambda/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#define SOCKET_TYPE_MASK 0xf

static const int refused[] = {
	SCMP_SYS(setns), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(move_mount),
	SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsconfig), SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(mount_setattr),
	SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(bpf), SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd), SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(init_module), SCMP_SYS(finit_module),
	SCMP_SYS(delete_module), SCMP_SYS(open_by_handle_at), SCMP_SYS(name_to_handle_at), SCMP_SYS(reboot), SCMP_SYS(swapon),
	SCMP_SYS(swapoff), SCMP_SYS(syslog), SCMP_SYS(acct), SCMP_SYS(quotactl), SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime), SCMP_SYS(clock_adjtime), SCMP_SYS(adjtimex), SCMP_SYS(io_uring_setup), SCMP_SYS(fanotify_init),
	SCMP_SYS(lookup_dcookie), SCMP_SYS(vhangup), SCMP_SYS(sethostname),
	SCMP_SYS(setdomainname), SCMP_SYS(iopl), SCMP_SYS(ioperm), SCMP_SYS(migrate_pages), SCMP_SYS(move_pages),
};

/* Named pipes are made by mknod too; these stay. */
static const int refused_nodes[] = { S_IFCHR, S_IFBLK };

static const unsigned long namespaces[] = {
	CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP, CLONE_NEWTIME,
};

static int rules_calls(scmp_filter_ctx filter)
{
	int rc = 0;

	for (size_t i = 0; i < sizeof refused / sizeof *refused && !rc; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
	for (size_t i = 0; i < sizeof refused_nodes / sizeof *refused_nodes && !rc; i++) {
		scmp_datum_t type = (scmp_datum_t)refused_nodes[i];

		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mknod), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, S_IFMT, type));
		if (!rc)
			rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mknodat), 1,
					      SCMP_A2(SCMP_CMP_MASKED_EQ, S_IFMT, type));
	}
	return rc;
}

static int rules_namespaces(scmp_filter_ctx filter)
{
	/* clone3's flags lie in memory, where a filter can't look: libc falls back to clone. */
	int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces && !rc; i++) {
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 1,
				      SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
		/* The low byte of clone's flags is the exit signal. */
		if (!rc && namespaces[i] != CLONE_NEWTIME)
			rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
					      SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
	}
	return rc;
}

static int rules_sockets(scmp_filter_ctx filter)
{
	static const int families[] = { AF_INET, AF_INET6 };
	/* Packet, vsock and whatever else lies beyond netlink: not namespaced, or a way around the network's rules. */
	int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GT, AF_NETLINK));

	for (size_t i = 0; i < sizeof families / sizeof *families && !rc; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 2,
				      SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]),
				      SCMP_A1(SCMP_CMP_MASKED_EQ, SOCKET_TYPE_MASK, SOCK_RAW));
	return rc;
}

static int program_export(scmp_filter_ctx filter, struct sock_fprog *ret, struct err *e)
{
	CLEANUP_CLOSE int fd = memfd_create("seccomp", MFD_CLOEXEC);
	CLEANUP_FREE char *bytes = NULL;
	int rc = fd < 0 ? -errno : seccomp_export_bpf(filter, fd);
	off_t len = rc ? -1 : lseek(fd, 0, SEEK_END);

	if (len <= 0)
		return err_errno(e, rc ? -rc : errno, "building the system-call filter");
	bytes = malloc((size_t)len);
	if (!bytes)
		return err_nomem(e);
	if (pread(fd, bytes, (size_t)len, 0) != len)
		return err_errno(e, errno, "building the system-call filter");
	ret->len = (unsigned short)((size_t)len / sizeof(struct sock_filter));
	ret->filter = (struct sock_filter *)STEAL(bytes);
	return 0;
}

int seccomp_build(struct sock_fprog *ret, struct err *e)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int rc;

	if (!filter)
		return err_nomem(e);
	/* Another instruction set's calls (i386, x32) would pass by the rules. */
	rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
	if (!rc)
		rc = rules_calls(filter);
	if (!rc)
		rc = rules_namespaces(filter);
	if (!rc)
		rc = rules_sockets(filter);
	rc = rc ? err_errno(e, -rc, "building the system-call filter") : program_export(filter, ret, e);
	seccomp_release(filter);
	return rc;
}

int seccomp_apply(const struct sock_fprog *program)
{
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0);
}
