/*
 * UUIDs of version 7 (RFC 9562), made in any process.  Two processes, or two
 * nodes, are told apart by the 62 random bits, not by the counter.
 */
#include "lib/id.h"

#include <sodium.h>
#include <string.h>

#include "lib/base64url.h"
#include "lib/clock.h"

#define COUNTER_MAX 0xfff

/* A start in the lower half leaves at least 2048 ids to the millisecond. */
static uint16_t counter_start(const uint8_t random[2])
{
	return (uint16_t)((random[0] << 8 | random[1]) & (COUNTER_MAX >> 1));
}

struct lk_id lk_id_new(void)
{
	static uint64_t last_ms;
	static uint16_t counter;
	uint64_t ms = (uint64_t)(lk_now() / 1000);
	uint8_t random[8 + 2]; /* by one system call */
	struct lk_id id;
	int i;

	randombytes_buf(random, sizeof(random));
	if (ms > last_ms) {
		last_ms = ms;
		counter = counter_start(random + 8);
	} else if (counter < COUNTER_MAX) {
		counter++;
	} else {
		/* RFC 9562 §6.2: run ahead of the clock rather than wait. */
		last_ms++;
		counter = counter_start(random + 8);
	}

	for (i = 0; i < 6; i++)
		id.b[i] = (uint8_t)(last_ms >> (40 - 8 * i));
	id.b[6] = (uint8_t)(0x70 | counter >> 8);
	id.b[7] = (uint8_t)counter;
	memcpy(id.b + 8, random, 8);
	id.b[8] = (uint8_t)(0x80 | (id.b[8] & 0x3f));
	return id;
}

struct lk_id lk_id_first_of(int64_t us)
{
	const int64_t ms = us > 0 ? us / 1000 : 0;
	struct lk_id id = { { 0 } };

	for (int i = 0; i < 6; i++)
		id.b[i] = (uint8_t)(ms >> (40 - 8 * i));
	return id;
}

const char *lk_id_text(const struct lk_id *id, char out[LK_ID_TEXT_SIZE])
{
	lk_base64url_encode(id->b, sizeof(id->b), out);
	return out;
}

enum lk_rc lk_id_parse(const char *text, size_t len, struct lk_id *id_r)
{
	size_t n;

	if (len != LK_ID_TEXT_LEN)
		return LK_INVALID;
	return lk_base64url_decode(text, len, id_r->b, sizeof(id_r->b), &n);
}

bool lk_id_equal(const struct lk_id *a, const struct lk_id *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}
