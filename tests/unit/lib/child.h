/*
 * Children of a unit test: processes that do one thing, die of it or stop in
 * the middle.
 */
#ifndef LK_TEST_CHILD_H
#define LK_TEST_CHILD_H

#include <sys/types.h>

/* Starts a child that does one thing; what that gives is its exit status. */
pid_t child_start(int (*thing)(void *arg), void *arg);

/* Returns when a signal has killed the child, or stopped it. */
void child_await_signal(pid_t pid);

/* Waits for the child's end, which must be its own doing; its exit status. */
int child_end(pid_t pid);

#endif
