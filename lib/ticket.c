/*
 * The ticket's text.  Pure computation: no database, no clock.
 */
#include "lib/ticket.h"

#include <string.h>

/* Only bytes: no padding to fear. */
struct body {
	uint8_t user_id[16];
	uint8_t login_seq[8];
	uint8_t expires_at[8];
	uint8_t credential_tag[LK_CREDENTIAL_TAG_SIZE];
};

static const struct lk_mac_text form = { "lkt1_", sizeof(struct body) };

_Static_assert(sizeof(struct body) == 40, "no padding");
_Static_assert(sizeof(struct body) <= LK_MAC_TEXT_BODY_MAX, "room");
_Static_assert(LK_MAC_TEXT_LEN(sizeof(struct body)) == LK_TICKET_LEN,
	       "length of the text");

void lk_ticket_make(const struct lk_refresh_key *key,
		    const struct lk_ticket *ticket, char out[LK_TICKET_SIZE])
{
	struct body body;

	memcpy(body.user_id, ticket->user_id.b, sizeof(body.user_id));
	lk_mac_text_put(body.login_seq, sizeof(body.login_seq),
			ticket->login_seq);
	lk_mac_text_put(body.expires_at, sizeof(body.expires_at),
			(uint64_t)ticket->expires_at);
	memcpy(body.credential_tag, ticket->credential_tag,
	       sizeof(body.credential_tag));
	lk_mac_text_make(&form, key, &body, out);
}

enum lk_rc lk_ticket_read(const char *text, size_t len,
			  lk_refresh_key_find *find, void *arg,
			  struct lk_ticket *ticket_r)
{
	struct body body;
	uint32_t key_id;
	enum lk_rc rc =
		lk_mac_text_read(&form, text, len, find, arg, &body, &key_id);

	if (rc != LK_OK)
		return rc;
	memcpy(ticket_r->user_id.b, body.user_id, sizeof(body.user_id));
	ticket_r->login_seq =
		lk_mac_text_get(body.login_seq, sizeof(body.login_seq));
	ticket_r->expires_at =
		(int64_t)lk_mac_text_get(body.expires_at,
					 sizeof(body.expires_at));
	memcpy(ticket_r->credential_tag, body.credential_tag,
	       sizeof(body.credential_tag));
	return LK_OK;
}
