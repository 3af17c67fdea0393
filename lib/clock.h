/*
 * Time.  All of Latchkey reads the wall clock through lk_now(), so a test can
 * move it: a build made with --enable-test-hooks adds the signed 64-bit number
 * of microseconds that stands in the file named by LATCHKEY_TEST_CLOCK (mapped
 * once; it may change at any moment, in every process at once).
 */
#ifndef LK_CLOCK_H
#define LK_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define LK_SECOND       INT64_C(1000000) /* all times are in microseconds */

#define LK_RFC3339_SIZE 32 /* "2026-11-22T15:04:05.123Z" and a NUL */

/* A calendar time in UTC, as MariaDB's DATETIME(6) has it. */
struct lk_civil {
	unsigned year, month, day, hour, minute, second, microsecond;
};

/* Microseconds since 1970-01-01T00:00:00Z (CLOCK_REALTIME). */
int64_t lk_now(void);

/* Microseconds of CLOCK_BOOTTIME: never steps, counts through suspend. */
int64_t lk_boottime(void);

/* Conversion both ways, for the years 1970 to 9999. */
struct lk_civil lk_civil_from_us(int64_t us);
int64_t lk_us_from_civil(struct lk_civil civil);

/* RFC 3339 in UTC with milliseconds (http-api "Rules for all"); returns out. */
const char *lk_rfc3339(int64_t us, char out[LK_RFC3339_SIZE]);

#endif
