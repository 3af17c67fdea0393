/*
 * A ring of two refresh keys, for tests of what is authenticated with them.
 */
#ifndef LK_TEST_TWO_KEYS_H
#define LK_TEST_TWO_KEYS_H

#include "lib/mac_text.h"

/* The key 00…1f, of id 01020304, which known texts were computed with. */
struct lk_refresh_key known_key(void);

/* Finds a key in an array of two, for lk_refresh_key_find. */
const struct lk_refresh_key *find_of_two(uint32_t key_id, void *keys);

#endif
