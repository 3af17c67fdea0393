/*
 * Endpoints of http-api "Sessions", and the login that opens one.
 */
#ifndef LK_HANDLE_SESSION_H
#define LK_HANDLE_SESSION_H

#include "app/exchange.h"

/* Members of the bodies, in the order that the handlers take them. */
#define LK_LOGIN_MEMBERS                                                       \
	{                                                                      \
		{ "login", LK_JSON_STRING, false, LK_BODY_MAX },               \
			{ "password", LK_JSON_STRING, false, LK_BODY_MAX },    \
			{ "device", LK_JSON_STRING, false, LK_DEVICE_MAX },    \
			{ "cookies", LK_JSON_BOOL, false, 0 },                 \
			{ "ticket", LK_JSON_STRING, false, LK_BODY_MAX },      \
			{ "end_session", LK_JSON_STRING, false, LK_BODY_MAX }, \
	}
#define LK_REFRESH_MEMBERS                                                     \
	{                                                                      \
		{ "refresh_token", LK_JSON_STRING, false, LK_BODY_MAX },       \
	}
#define LK_LOGOUT_MEMBERS                                                      \
	{                                                                      \
		{ "refresh_token", LK_JSON_STRING, false, LK_BODY_MAX },       \
	}

lk_check lk_check_login;
lk_handler lk_handle_login, lk_handle_refresh, lk_handle_renew,
	lk_handle_logout, lk_handle_logout_all, lk_handle_sessions,
	lk_handle_end_session;

#endif
