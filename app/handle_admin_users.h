/*
 * Users, for administrators: http-api "Administration".
 */
#ifndef LK_HANDLE_ADMIN_USERS_H
#define LK_HANDLE_ADMIN_USERS_H

#include "app/exchange.h"
#include "app/page.h"

/* Parameters of GET /admin/users, in the order of its handler. */
#define LK_USERS_PARAMS                                                        \
	{                                                                      \
		LK_PAGE_MEMBERS,                                               \
		{                                                              \
			"query", LK_JSON_STRING, false, LK_BODY_MAX            \
		}                                                              \
	}

/* Members of PATCH and POST, in the order that both read them. */
#define LK_CHANGE_USER_MEMBERS                                                 \
	{                                                                      \
		{ "status", LK_JSON_STRING, false, LK_BODY_MAX },              \
			{ "roles", LK_JSON_STRINGS, false, LK_BODY_MAX },      \
			{ "claims", LK_JSON_OBJECT, false, LK_BODY_MAX },      \
			{ "session_limit", LK_JSON_VALUE, false,               \
			  LK_BODY_MAX },                                       \
			{ "password", LK_JSON_STRING, false, LK_BODY_MAX },    \
	}
#define LK_CREATE_USER_MEMBERS                                                 \
	{                                                                      \
		{ "status", LK_JSON_STRING, false, LK_BODY_MAX },              \
			{ "roles", LK_JSON_STRINGS, false, LK_BODY_MAX },      \
			{ "claims", LK_JSON_OBJECT, false, LK_BODY_MAX },      \
			{ "session_limit", LK_JSON_VALUE, false,               \
			  LK_BODY_MAX },                                       \
			{ "password", LK_JSON_STRING, true, LK_BODY_MAX },     \
			{ "login", LK_JSON_STRING, true, LK_BODY_MAX },        \
	}

lk_handler lk_handle_users, lk_handle_create_user, lk_handle_user,
	lk_handle_change_user, lk_handle_delete_user, lk_handle_reissue_id;

#endif
