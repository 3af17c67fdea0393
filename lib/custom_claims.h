/*
 * A user's own claims: a JSON object that administrators set.  Those that the
 * setting token_claims names go into access tokens beside ours.
 */
#ifndef LK_CUSTOM_CLAIMS_H
#define LK_CUSTOM_CLAIMS_H

#include <stddef.h>

#include "lib/json.h"
#include "lib/rc.h"
#include "lib/text.h"

/*
 * Takes claims as somebody wrote them, a JSON text with a NUL at its end, and
 * writes them into out as they are kept and as they stand in tokens, so that
 * what fits here fits there.  LK_OK; LK_MALFORMED: not JSON; LK_INVALID: not an
 * object, a duplicate name, a reserved one (lib/reserved_claims.h), or a number
 * that cannot be held; LK_TOO_LARGE: more than LK_CLAIMS_MAX bytes in that
 * form, which writes a fraction in 17 digits; LK_NOMEM.  err quotes nothing of
 * the text.
 */
enum lk_rc lk_custom_claims_read(const char *json, char out[LK_CLAIMS_MAX + 1],
				 struct lk_err *err);

/*
 * Writes those members of json (an object of any members: claims, or a token's
 * payload) that have one of the n names into the object that is open in w.
 * json is checked as by lk_json_check_object(), with the same results; a member
 * of more than LK_CLAIMS_MAX bytes is LK_INVALID.
 */
enum lk_rc lk_custom_claims_write(struct lk_json_writer *w, const char *json,
				  size_t len, char *const *names, size_t n,
				  struct lk_err *err);

#endif
