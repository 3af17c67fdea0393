/*
 * The web server's question: may this request pass (http-api "Checking a
 * request").
 */
#ifndef LK_HANDLE_VERIFY_H
#define LK_HANDLE_VERIFY_H

#include "app/exchange.h"

/* /verify and /verify/{role}. */
lk_handler lk_handle_verify;

#endif
