/*
 * Time, for every process.  The calendar is worked out here and not by libc,
 * so neither TZ nor a locale nor a time zone file has a say in it.
 */
#include "lib/clock.h"

#include <stdio.h>
#include <time.h>

#define DAY (86400 * LK_SECOND)

#ifdef LK_TEST_HOOKS
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The number that tests move the clock by.  A file that was named but cannot
 * be used ends the process: a test on the wrong clock would prove nothing.
 */
static int64_t test_offset(void)
{
	static const _Atomic int64_t none;
	static const _Atomic int64_t *offset;
	const char *path = NULL;
	struct stat st;
	int fd = -1;

	if (offset != NULL)
		goto out;
	offset = &none;
	path = getenv("LATCHKEY_TEST_CLOCK");
	if (path == NULL)
		goto out;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0 ||
	    st.st_size < (off_t)sizeof(*offset))
		abort();
	offset = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);
	if (offset == MAP_FAILED)
		abort();
	close(fd);
out:
	return atomic_load_explicit(offset, memory_order_relaxed);
}
#endif

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * LK_SECOND + ts.tv_nsec / 1000;
}

int64_t lk_now(void)
{
#ifdef LK_TEST_HOOKS
	return read_clock(CLOCK_REALTIME) + test_offset();
#else
	return read_clock(CLOCK_REALTIME);
#endif
}

int64_t lk_boottime(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

/*
 * Both ways count in eras of 400 years that begin on a 1st of March, so that
 * the leap day is the last of its year (Howard Hinnant, "chrono-Compatible
 * Low-Level Date Algorithms").  719468 days lie between 0000-03-01 and 1970.
 */
struct lk_civil lk_civil_from_us(int64_t us)
{
	unsigned day = (unsigned)(us / DAY) + 719468; /* since 0000-03-01 */
	int64_t rest = us % DAY;
	unsigned second = (unsigned)(rest / LK_SECOND);
	unsigned era = day / 146097;
	unsigned doe = day % 146097; /* day of the era */
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153; /* month, March being 0 */
	unsigned month = mp < 10 ? mp + 3 : mp - 9;

	return (struct lk_civil){
		.year = era * 400 + yoe + (month <= 2),
		.month = month,
		.day = doy - (153 * mp + 2) / 5 + 1,
		.hour = second / 3600,
		.minute = second / 60 % 60,
		.second = second % 60,
		.microsecond = (unsigned)(rest % LK_SECOND),
	};
}

int64_t lk_us_from_civil(struct lk_civil civil)
{
	unsigned year = civil.year - (civil.month <= 2);
	unsigned mp = civil.month > 2 ? civil.month - 3 : civil.month + 9;
	unsigned era = year / 400;
	unsigned yoe = year % 400;
	unsigned doy = (153 * mp + 2) / 5 + civil.day - 1;
	unsigned doe = 365 * yoe + yoe / 4 - yoe / 100 + doy;
	int64_t days = (int64_t)era * 146097 + doe - 719468;

	return days * DAY +
	       ((int64_t)civil.hour * 3600 + civil.minute * 60 + civil.second) *
		       LK_SECOND +
	       civil.microsecond;
}

/* Writes a number with leading zeros, and the character that follows it. */
static char *put(char *out, unsigned value, int digits, char next)
{
	for (int i = digits - 1; i >= 0; i--) {
		out[i] = (char)('0' + value % 10);
		value /= 10;
	}
	out[digits] = next;
	return out + digits + 1;
}

/* Every answer to a web server's question has one: snprintf(3) takes twenty
 * times as long. */
const char *lk_rfc3339(int64_t us, char out[LK_RFC3339_SIZE])
{
	struct lk_civil c = lk_civil_from_us(us);
	char *end = put(out, c.year, 4, '-');

	end = put(end, c.month, 2, '-');
	end = put(end, c.day, 2, 'T');
	end = put(end, c.hour, 2, ':');
	end = put(end, c.minute, 2, ':');
	end = put(end, c.second, 2, '.');
	end = put(end, c.microsecond / 1000, 3, 'Z');
	*end = '\0';
	return out;
}
