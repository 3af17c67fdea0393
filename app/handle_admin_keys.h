/*
 * The key ring for administrators: http-api "Administration".
 */
#ifndef LK_HANDLE_ADMIN_KEYS_H
#define LK_HANDLE_ADMIN_KEYS_H

#include "app/exchange.h"

/* Members of POST /admin/keys/rotate, in the order of its handler. */
#define LK_ROTATE_KEYS_MEMBERS                                                 \
	{                                                                      \
		{ "alg", LK_JSON_STRING, false, 15 },                          \
			{ "revoke", LK_JSON_BOOL, false, 0 },                  \
			{ "refresh", LK_JSON_BOOL, false, 0 },                 \
	}

lk_handler lk_handle_keys, lk_handle_rotate_keys;

#endif
