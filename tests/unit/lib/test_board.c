/*
 * The notice board: what is written is read as a whole or not at all, also
 * where the writer dies or stops in the middle of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/board.h"

static struct lk_board *new_board(void)
{
	struct lk_board *board = NULL;

	assert_int_equal(lk_board_new(&board, NULL), LK_OK);
	return board;
}

/* A notice whose every byte follows from its version. */
static void make_notice(struct lk_board_notice *notice, uint64_t version)
{
	memset(notice, (int)version, sizeof(*notice));
	notice->version = version;
	notice->n_keys = LK_BOARD_KEYS - (uint32_t)(version % 8);
}

static void write_notice(struct lk_board *board, uint64_t version)
{
	static struct lk_board_notice notice;

	make_notice(&notice, version);
	assert_int_equal(lk_board_write(board, &notice), LK_OK);
}

static void assert_reads(struct lk_board *board, uint64_t version)
{
	static struct lk_board_notice expected, got;

	make_notice(&expected, version);
	assert_int_equal(lk_board_version(board), version);
	assert_int_equal(lk_board_read(board, &got), LK_OK);
	assert_memory_equal(&got, &expected,
			    offsetof(struct lk_board_notice, keys) +
				    expected.n_keys * sizeof(expected.keys[0]));
}

static void assert_nothing(struct lk_board *board)
{
	static struct lk_board_notice notice;

	assert_int_equal(lk_board_version(board), 0);
	assert_int_equal(lk_board_read(board, &notice), LK_UNAVAILABLE);
}

static void test_versions(void **state)
{
	/* The last but one: a ring from a restored backup. */
	static const uint64_t versions[] = { 1, 2, 64, 65, 3, UINT64_MAX };
	struct lk_board *board = new_board();

	(void)state;
	assert_nothing(board);
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		write_notice(board, versions[i]);
		assert_reads(board, versions[i]);
	}
	lk_board_free(board);
	lk_board_free(NULL);
}

static void test_other_process(void **state)
{
	struct lk_board *board = new_board();
	pid_t pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		write_notice(board, 7);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_reads(board, 7);
	lk_board_free(board);
}

/* ---- a writer that does not come to the end ------------------------------ */

/* A notice that can be read to its middle; there the writer gets SIGSEGV. */
static struct lk_board_notice *half_a_notice;
static size_t page, notice_pages;

static void lay_trap(void)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
	notice_pages = (sizeof(*half_a_notice) + page - 1) / page;
	half_a_notice = mmap(NULL, notice_pages * page, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(half_a_notice, MAP_FAILED);
	make_notice(half_a_notice, 9);
	assert_int_equal(mprotect((char *)half_a_notice +
					  notice_pages / 2 * page,
				  page, PROT_NONE),
			 0);
}

static void take_trap_away(void)
{
	munmap(half_a_notice, notice_pages * page);
}

static void stop_and_go_on(int signal)
{
	(void)signal;
	raise(SIGSTOP);
	mprotect(half_a_notice, notice_pages * page, PROT_READ | PROT_WRITE);
}

/* A child that writes the notice and meets the trap. */
static pid_t write_half(struct lk_board *board, void (*at_trap)(int))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGSEGV, at_trap);
		_exit(lk_board_write(board, half_a_notice) == LK_OK ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	if (at_trap == SIG_DFL)
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	else
		assert_true(WIFSTOPPED(status));
	return pid;
}

static void test_killed_writer(void **state)
{
	struct lk_board *board = new_board();

	(void)state;
	lay_trap();
	write_notice(board, 5);
	write_half(board, SIG_DFL);
	assert_nothing(board);
	/* And is in nobody's way: neither a reader's nor the next writer's. */
	write_notice(board, 10);
	assert_reads(board, 10);
	write_half(board, SIG_DFL);
	write_notice(board, 11);
	assert_reads(board, 11);
	take_trap_away();
	lk_board_free(board);
}

static void test_stopped_writer(void **state)
{
	struct lk_board *board = new_board();
	static struct lk_board_notice notice;
	int status;
	pid_t writer;

	(void)state;
	lay_trap();
	write_notice(board, 5);
	writer = write_half(board, stop_and_go_on);
	assert_nothing(board);
	make_notice(&notice, 6);
	assert_int_equal(lk_board_write(board, &notice), LK_UNAVAILABLE);
	kill(writer, SIGCONT);
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_int_equal(status, 0);
	assert_reads(board, 9);
	take_trap_away();
	lk_board_free(board);
}

static void test_checked(void **state)
{
	struct lk_board *board = new_board();
	pid_t pid;
	int status;

	(void)state;
	assert_int_equal(lk_board_checked_at(board), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		lk_board_checked(board, INT64_C(1) << 40);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(lk_board_checked_at(board), INT64_C(1) << 40);
	/* It is no notice. */
	assert_nothing(board);
	lk_board_free(board);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_other_process),
		cmocka_unit_test(test_killed_writer),
		cmocka_unit_test(test_stopped_writer),
		cmocka_unit_test(test_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
