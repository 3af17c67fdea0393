/*
 * Revocations by hand: http-api "Administration".
 */
#ifndef LK_HANDLE_ADMIN_REVOCATIONS_H
#define LK_HANDLE_ADMIN_REVOCATIONS_H

#include "app/exchange.h"
#include "app/page.h"

/* clang-format off */
#define LK_REVOCATIONS_PARAMS { LK_PAGE_MEMBERS }
/* clang-format on */

/* Members of POST /admin/revocations, in the order of its handler. */
#define LK_ADD_REVOCATION_MEMBERS                                              \
	{                                                                      \
		{ "jti", LK_JSON_STRING, false, LK_BODY_MAX },                 \
			{ "session_id", LK_JSON_STRING, false, LK_BODY_MAX },  \
			{ "user_id", LK_JSON_STRING, false, LK_BODY_MAX },     \
			{ "all", LK_JSON_BOOL, false, 0 },                     \
	}

lk_handler lk_handle_revocations, lk_handle_add_revocation;

#endif
