/*
 * Endpoints of http-api "OAuth and discovery", but for the JWKS.
 */
#ifndef LK_HANDLE_OAUTH_H
#define LK_HANDLE_OAUTH_H

#include "app/exchange.h"

/* Parameters of the forms, in the order that the handlers take them; of each,
 * client_id and client_secret come first. */
#define LK_TOKEN_MEMBERS                                                       \
	{                                                                      \
		{ "client_id", LK_JSON_STRING, false, LK_BODY_MAX },           \
			{ "client_secret", LK_JSON_STRING, false,              \
			  LK_BODY_MAX },                                       \
			{ "grant_type", LK_JSON_STRING, true, LK_BODY_MAX },   \
			{ "refresh_token", LK_JSON_STRING, false,              \
			  LK_BODY_MAX },                                       \
			{ "scope", LK_JSON_STRING, false, LK_BODY_MAX },       \
	}
#define LK_INTROSPECT_MEMBERS                                                  \
	{                                                                      \
		{ "client_id", LK_JSON_STRING, false, LK_BODY_MAX },           \
			{ "client_secret", LK_JSON_STRING, false,              \
			  LK_BODY_MAX },                                       \
			{ "token", LK_JSON_STRING, true, LK_BODY_MAX },        \
			{ "token_type_hint", LK_JSON_STRING, false,            \
			  LK_BODY_MAX },                                       \
	}
#define LK_REVOKE_MEMBERS LK_INTROSPECT_MEMBERS

lk_handler lk_handle_token, lk_handle_introspect, lk_handle_revoke,
	lk_handle_metadata;

#endif
