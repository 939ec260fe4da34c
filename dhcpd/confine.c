// SPDX-License-Identifier: GPL-2.0-only
#include "confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mnat/log.h"

/* By name: a system call that this machine does not have is left out. */
static const char *const allowed[] = {
	/* descriptors that are there */
	"read", "readv", "write", "writev", "close", "fstat", "lseek", "fcntl", "fcntl64", "ioctl",
	"dup", "dup2", "dup3", "shutdown",
	/* messages and connections that come in */
	"recv", "recvfrom", "recvmsg", "recvmmsg", "recvmmsg_time64", "send", "sendto", "sendmsg",
	"sendmmsg", "accept", "accept4", "getsockopt", "setsockopt", "getsockname", "getpeername",
	/* waiting */
	"epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_ctl", "poll", "ppoll", "nanosleep",
	"clock_nanosleep", "futex", "futex_time64", "restart_syscall", "wait4", "waitid",
	/* time, memory, signals, the end */
	"clock_gettime", "clock_gettime64", "gettimeofday", "time", "getrandom", "brk", "mmap",
	"mmap2", "munmap", "mremap", "madvise", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
	"sigreturn", "sigaltstack", "getpid", "gettid", "getuid", "geteuid", "tgkill", "sched_yield",
	"exit", "exit_group", "rseq",
};

int confine_drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[2] = {0};

	if (!syscall(SYS_capset, &header, none))
		return 0;
	log_err("capabilities cannot be given up: %m");
	return -errno;
}

static int allow_all(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		int number = seccomp_syscall_resolve_name(allowed[i]);

		if (number >= 0)
			r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	return r;
}

/* It sets no_new_privs too. EPERM, not death: a libc may well try what it can do without. */
static int filter_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = filter ? allow_all(filter) : -ENOMEM;

	if (!r)
		r = seccomp_load(filter);
	seccomp_release(filter);
	if (r)
		log_err("system calls cannot be filtered: %s", strerror(-r));
	return r;
}

/* The sanitizers look at files of their own. */
#ifdef __SANITIZE_ADDRESS__
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

int confine(void)
{
	int r = confine_drop_capabilities();

	return r || sanitized ? r : filter_calls();
}
