/*
 * Endpoints that operators and verifiers ask: http-api "Operation", JWKS.
 */
#ifndef LK_HANDLE_OPERATION_H
#define LK_HANDLE_OPERATION_H

#include "app/exchange.h"

lk_handler lk_handle_health, lk_handle_ready, lk_handle_jwks, lk_handle_metrics;

#endif
