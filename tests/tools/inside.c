/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Runs a command in a network namespace, as nsenter --net does, but also in a PID namespace whose
 * process 1 stays in the caller's network namespace. The tools that forge packets compare their
 * namespace with that of process 1 and refuse to run if they cannot; on a machine that keeps its
 * own process 1 out of reach, this gives them one to compare with. Signals are handed on.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

static const int handed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};

static sigset_t blocked_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(handed_on) / sizeof(handed_on[0]); i++)
		sigaddset(&set, handed_on[i]);
	sigaddset(&set, SIGCHLD);
	return set;
}

/* Waits for the child as a shell would tell of it, handing on what is sent to this process. */
static int attend(pid_t child, const sigset_t *set)
{
	int signo, status;

	for (;;) {
		if (sigwait(set, &signo))
			continue;
		if (signo != SIGCHLD) {
			kill(child, signo);
			continue;
		}
		if (waitpid(child, &status, WNOHANG) != child)
			continue;
		return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
}

static pid_t fork_bound(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %m");
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static _Noreturn void run(int netns, char **command)
{
	sigset_t set = blocked_signals();

	if (setns(netns, CLONE_NEWNET))
		die("cannot enter the network namespace: %m");
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	execvp(command[0], command);
	die("%s: %m", command[0]);
}

static _Noreturn void be_process_one(int netns, char **command, const sigset_t *set)
{
	pid_t child;

	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		die("cannot mount /proc: %m");
	child = fork_bound();
	if (!child)
		run(netns, command);
	exit(attend(child, set));
}

int main(int argc, char **argv)
{
	sigset_t set = blocked_signals();
	pid_t child;
	int netns;

	if (argc < 3)
		die("usage: inside NAMESPACE-FILE COMMAND [ARGUMENT...]");
	netns = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (netns < 0)
		die("%s: %m", argv[1]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (unshare(CLONE_NEWPID | CLONE_NEWNS))
		die("cannot make a PID namespace: %m");
	child = fork_bound();
	if (!child)
		be_process_one(netns, argv + 2, &set);
	return attend(child, &set);
}
