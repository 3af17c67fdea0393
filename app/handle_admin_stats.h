/*
 * Figures for the page of administrators: http-api "Administration".
 */
#ifndef LK_HANDLE_ADMIN_STATS_H
#define LK_HANDLE_ADMIN_STATS_H

#include "app/exchange.h"

lk_handler lk_handle_stats;

#endif
