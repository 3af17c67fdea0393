/*
 * Endpoints of http-api "Accounts" that are not sessions.
 */
#ifndef LK_HANDLE_ACCOUNT_H
#define LK_HANDLE_ACCOUNT_H

#include "app/exchange.h"

/* Members of POST /signup, in the order of lk_handle_signup(). */
#define LK_SIGNUP_MEMBERS                                                      \
	{                                                                      \
		{ "login", LK_JSON_STRING, true, LK_BODY_MAX },                \
			{ "password", LK_JSON_STRING, true, LK_BODY_MAX },     \
	}

#define LK_PASSWORD_MEMBERS                                                    \
	{                                                                      \
		{ "current_password", LK_JSON_STRING, true, LK_BODY_MAX },     \
			{ "new_password", LK_JSON_STRING, true, LK_BODY_MAX }, \
	}
#define LK_DELETE_ACCOUNT_MEMBERS                                              \
	{                                                                      \
		{ "password", LK_JSON_STRING, true, LK_BODY_MAX },             \
	}

lk_handler lk_handle_signup, lk_handle_account, lk_handle_password,
	lk_handle_delete_account;

#endif
