// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Kills a program at its n-th call of the kernel that can change something for good: bpf(2), the
 * grace period, pins and directories, netlink. The program knows nothing of it.
 *
 *   kill_at now|later N FILE PROGRAM ARGUMENT…
 *
 * Looking through the objects of the kernel by their numbers does not count: nothing changes by it,
 * and how many there are depends on others. Counts from the beginning, or from SIGUSR1 on; N = 0
 * only counts. FILE always holds the count.
 * The call that the program dies at is not made. Ends as the program does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_AT(number)                                                                            \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),                                         \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE)

#define PASS_COMMAND(command)                                                                      \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, command, 0, 1),                                        \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Where the command of bpf(2) stands; little endian. */
#define BPF_COMMAND offsetof(struct seccomp_data, args[0])

static volatile sig_atomic_t counting;

static void begin_counting(int signal)
{
	(void)signal;
	counting = 1;
}

static void fail(const char *what)
{
	fprintf(stderr, "kill_at: %s: %s\n", what, strerror(errno));
	exit(125);
}

/* The program's side: stop for the tracer, then be somebody else. */
static void become(char **command)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		STOP_AT(SYS_membarrier),
		STOP_AT(SYS_renameat2),
		STOP_AT(SYS_unlinkat),
		STOP_AT(SYS_mkdirat),
#ifdef SYS_unlink
		STOP_AT(SYS_unlink),
		STOP_AT(SYS_rmdir),
		STOP_AT(SYS_mkdir),
		STOP_AT(SYS_rename),
#endif
		STOP_AT(SYS_sendto),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, BPF_COMMAND),
		PASS_COMMAND(BPF_PROG_GET_NEXT_ID),
		PASS_COMMAND(BPF_MAP_GET_NEXT_ID),
		PASS_COMMAND(BPF_LINK_GET_NEXT_ID),
		PASS_COMMAND(BPF_PROG_GET_FD_BY_ID),
		PASS_COMMAND(BPF_MAP_GET_FD_BY_ID),
		PASS_COMMAND(BPF_LINK_GET_FD_BY_ID),
		PASS_COMMAND(BPF_OBJ_GET_INFO_BY_FD),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
	};
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) || raise(SIGSTOP))
		fail("be traced");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		fail("filter calls");
	execvp(command[0], command);
	fail(command[0]);
}

static void note(int file, long count)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%ld\n", count);

	if (pwrite(file, text, length, 0) != length)
		fail("write the count");
}

/* What a stopped thread is told when it goes on: the signals of others are passed, ours are not. */
static long signal_for(int status)
{
	int signal = WSTOPSIG(status);

	if (status >> 16 || signal == SIGTRAP || signal == SIGSTOP)
		return 0;
	return signal;
}

static int follow(pid_t child, long last, int file)
{
	int status;
	long count = 0;
	pid_t thread;

	for (;;) {
		thread = waitpid(-1, &status, __WALL);
		if (thread < 0 && errno == EINTR)
			continue;
		if (thread < 0)
			fail("wait");
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			if (thread != child)
				continue;
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8) && counting) {
			note(file, ++count);
			if (count == last)
				kill(child, SIGKILL);
		}
		/* ESRCH: killed meanwhile. */
		if (ptrace(PTRACE_CONT, thread, NULL, signal_for(status)) && errno != ESRCH)
			fail("go on");
	}
}

int main(int count, char **arguments)
{
	struct sigaction action = {.sa_handler = begin_counting};
	int status, file;
	pid_t child;

	if (count < 5) {
		fprintf(stderr, "usage: kill_at now|later N FILE PROGRAM ARGUMENT…\n");
		return 125;
	}
	counting = strcmp(arguments[1], "now") == 0;
	file = open(arguments[3], O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	if (file < 0)
		fail(arguments[3]);
	note(file, 0);
	sigaction(SIGUSR1, &action, NULL);
	child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0)
		become(arguments + 4);
	if (waitpid(child, &status, __WALL) != child || !WIFSTOPPED(status))
		fail("wait for the program");
	if (ptrace(PTRACE_SETOPTIONS, child, NULL,
		   PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
			   PTRACE_O_TRACEVFORK | PTRACE_O_EXITKILL) ||
	    ptrace(PTRACE_CONT, child, NULL, NULL))
		fail("trace");
	return follow(child, atol(arguments[2]), file);
}
