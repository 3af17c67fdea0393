/*
 * Named points at which a test can hold the code, to show that a race does no
 * harm by taking it apart instead of by luck.  Only in builds made with
 * --enable-test-hooks; elsewhere the call compiles to nothing.
 *
 * With LATCHKEY_TEST_POINTS=DIR, lk_test_point("x") looks for DIR/x; if it is
 * there, it makes DIR/x.reached, which holds its process id, and waits until
 * DIR/x is gone (30 s at most), then removes DIR/x.reached.
 */
#ifndef LK_TEST_POINT_H
#define LK_TEST_POINT_H

#ifdef LK_TEST_HOOKS
void lk_test_point(const char *name);

/*
 * Moments at which a process may be killed or stopped: lk_test_death() counts
 * them, and the n-th after one of the others is a SIGKILL or a SIGSTOP.
 */
void lk_test_die_after(unsigned n);
void lk_test_stop_after(unsigned n);
void lk_test_death(void);
#else
#define lk_test_point(name) ((void)0)
#define lk_test_death()     ((void)0)
#endif

#endif
