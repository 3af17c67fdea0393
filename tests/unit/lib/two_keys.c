/*
 * A ring of two refresh keys.
 */
#include "two_keys.h"

struct lk_refresh_key known_key(void)
{
	struct lk_refresh_key key = { .key_id = 0x01020304 };

	for (size_t i = 0; i < sizeof(key.secret); i++)
		key.secret[i] = (uint8_t)i;
	return key;
}

const struct lk_refresh_key *find_of_two(uint32_t key_id, void *keys)
{
	const struct lk_refresh_key *key = keys;

	for (size_t i = 0; i < 2; i++)
		if (key[i].key_id == key_id)
			return &key[i];
	return NULL;
}
