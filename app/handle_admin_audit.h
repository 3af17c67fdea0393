/*
 * The audit, for administrators: http-api "Administration".
 */
#ifndef LK_HANDLE_ADMIN_AUDIT_H
#define LK_HANDLE_ADMIN_AUDIT_H

#include "app/exchange.h"
#include "app/page.h"

/* Parameters of GET /admin/audit, in the order of its handler. */
#define LK_AUDIT_PARAMS                                                        \
	{                                                                      \
		LK_PAGE_MEMBERS,                                               \
		{                                                              \
			"user_id", LK_JSON_STRING, false, LK_BODY_MAX          \
		}                                                              \
	}

lk_handler lk_handle_audit;

#endif
