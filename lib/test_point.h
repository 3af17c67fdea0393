/*
 * Named points at which a test can hold the code, to show that a race does no
 * harm by taking it apart instead of by luck.  Only in builds made with
 * --enable-test-hooks; elsewhere the call compiles to nothing.
 *
 * With LATCHKEY_TEST_POINTS=DIR, lk_test_point("x") looks for DIR/x; if it is
 * there, it makes DIR/x.reached and waits until DIR/x is gone (30 s at most),
 * then removes DIR/x.reached.
 */
#ifndef LK_TEST_POINT_H
#define LK_TEST_POINT_H

#ifdef LK_TEST_HOOKS
void lk_test_point(const char *name);
#else
#define lk_test_point(name) ((void)0)
#endif

#endif
