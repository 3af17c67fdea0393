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

lk_handler lk_handle_signup, lk_handle_account;

#endif
