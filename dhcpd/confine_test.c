// SPDX-License-Identifier: GPL-2.0-only
#include "confine.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int udp;

static bool refused(long result)
{
	return result == -1 && errno == EPERM;
}

static bool open_file(void)
{
	return refused(open("/etc/hostname", O_RDONLY)) &&
	       refused(open("/tmp/dhcpd-confined", O_WRONLY | O_CREAT, 0600));
}

static bool change_files(void)
{
	struct stat st;

	return refused(unlink("/tmp/none")) && refused(mkdir("/tmp/dhcpd-confined", 0700)) &&
	       refused(stat("/etc", &st)) && refused(chdir("/"));
}

static bool open_socket(void)
{
	int pair[2];

	return refused(socket(AF_INET, SOCK_STREAM, 0)) && refused(socket(AF_UNIX, SOCK_STREAM, 0)) &&
	       refused(socket(AF_PACKET, SOCK_RAW, 0)) && refused(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static bool connect_socket(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};

	return refused(connect(udp, (struct sockaddr *)&to, sizeof(to))) &&
	       refused(bind(udp, (struct sockaddr *)&to, sizeof(to)));
}

static bool load_bpf(void)
{
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4,
			       .max_entries = 1};

	return refused(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static bool start_program(void)
{
	char *argv[] = {"/bin/true", NULL};

	return refused(fork()) && refused(execv(argv[0], argv));
}

static bool reach_others(void)
{
	return refused(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL)) && refused(kill(getppid(), 0)) &&
	       refused(setns(udp, 0)) && refused(setuid(0));
}

/* It lives: what it needs for its work is there. */
static bool work(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(67)};
	void *memory = malloc(64 << 20);
	char byte = 0;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return memory && sendto(udp, &byte, 1, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) == 1 &&
	       recv(udp, &byte, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN;
}

/* In a process of its own: the test's could not report any more. */
static int confined(bool (*look)(void))
{
	pid_t pid;
	int status;

	udp = socket(AF_INET, SOCK_DGRAM, 0);
	pid = fork();
	if (!pid)
		_exit(confine() ? 2 : look() ? 0 : 1);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	close(udp);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#ifdef __SANITIZE_ADDRESS__
#define NOT_SANITIZED .disabled = true
#else
#define NOT_SANITIZED .disabled = false
#endif

TestSuite(privilege, NOT_SANITIZED);

Test(privilege, no_file_is_opened)
{
	cr_assert_eq(confined(open_file), 0);
	cr_assert_eq(confined(change_files), 0);
}

Test(privilege, no_socket_is_opened_or_connected)
{
	cr_assert_eq(confined(open_socket), 0);
	cr_assert_eq(confined(connect_socket), 0);
}

Test(privilege, no_bpf_no_program_no_other_process)
{
	cr_assert_eq(confined(load_bpf), 0);
	cr_assert_eq(confined(start_program), 0);
	cr_assert_eq(confined(reach_others), 0);
}

Test(privilege, the_work_goes_on)
{
	cr_assert_eq(confined(work), 0);
}
