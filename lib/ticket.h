/*
 * The ticket of session_limit_policy `pick`: who has given the right password
 * but has all the sessions one may have names the one that is to end with it,
 * instead of giving the password again (design §3).
 *
 *	lkt1_ base64url( key_id 4 | user_id 16 | login_seq 8 | expires_at 8 |
 *			 credential_tag 8 | mac 32 )	numbers big-endian
 *
 * mac: lib/mac_text.h.  It opens one session: every login of the user raises
 * login_seq, and a ticket is good for the one that it names.
 */
#ifndef LK_TICKET_H
#define LK_TICKET_H

#include <stddef.h>
#include <stdint.h>

#include "lib/id.h"
#include "lib/mac_text.h"
#include "lib/password.h"
#include "lib/rc.h"

#define LK_TICKET_LEN  107 /* characters */
#define LK_TICKET_SIZE (LK_TICKET_LEN + 1)

struct lk_ticket {
	struct lk_id user_id;
	uint64_t login_seq;
	int64_t expires_at; /* microseconds since 1970 */
	uint8_t credential_tag[LK_CREDENTIAL_TAG_SIZE];
};

void lk_ticket_make(const struct lk_refresh_key *key,
		    const struct lk_ticket *ticket, char out[LK_TICKET_SIZE]);

/* Results as lk_mac_text_read(); the time is for the caller to look at. */
enum lk_rc lk_ticket_read(const char *text, size_t len,
			  lk_refresh_key_find *find, void *arg,
			  struct lk_ticket *ticket_r);

#endif
