/*
 * Sessions of others, for administrators: http-api "Administration".
 */
#ifndef LK_HANDLE_ADMIN_SESSIONS_H
#define LK_HANDLE_ADMIN_SESSIONS_H

#include "app/exchange.h"

lk_handler lk_handle_user_sessions, lk_handle_end_user_sessions,
	lk_handle_end_user_session;

#endif
