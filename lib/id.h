/*
 * Ids: 16 bytes, UUID version 7 (RFC 9562 §5.7), made by us and not by the
 * database, so they sort by time of birth and every node makes its own.
 */
#ifndef LK_ID_H
#define LK_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rc.h"

#define LK_ID_TEXT_LEN  22
#define LK_ID_TEXT_SIZE (LK_ID_TEXT_LEN + 1)

struct lk_id {
	uint8_t b[16];
};

/*
 * A new id of this moment.  Ids of one process ascend even within a
 * millisecond (12 bits of counter, RFC 9562 §6.2 method 1) and when the clock
 * steps back; 62 bits are random (libsodium).
 */
struct lk_id lk_id_new(void);

/* The least id of a moment (microseconds since 1970): ids made before are less,
 * by memcmp() and in MariaDB. */
struct lk_id lk_id_first_of(int64_t us);

/* base64url, 22 characters and a NUL; returns out. */
const char *lk_id_text(const struct lk_id *id, char out[LK_ID_TEXT_SIZE]);

/* LK_OK, or LK_INVALID unless text is the canonical text of 16 bytes. */
enum lk_rc lk_id_parse(const char *text, size_t len, struct lk_id *id_r);

bool lk_id_equal(const struct lk_id *a, const struct lk_id *b);

#endif
