/*
 * GET /continue: how a page in a plain browser outlives its access token
 * (http-api "Cookie mode").
 */
#ifndef LK_HANDLE_CONTINUE_H
#define LK_HANDLE_CONTINUE_H

#include "app/exchange.h"

lk_handler lk_handle_continue;

#endif
