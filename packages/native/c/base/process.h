/* Processes by their pidfds (pidfd_open(2)), which no other process comes to have. */
#ifndef BERTH_PROCESS_H
#define BERTH_PROCESS_H

#include <sys/types.h>

/* A pidfd of a process, or -1 with errno. */
int process_fd(pid_t pid);
/* Sends a signal to the process behind a pidfd. Returns 0, or -1 with errno. */
int process_signal(int pidfd, int signal);
/* The exit code that Docker shows for a wait status (wait(2)): 128 and the signal's number for one that a signal ended. */
int process_code(int status);

#endif
