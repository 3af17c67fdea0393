/*
 * Who the client is: REMOTE_ADDR, or, behind proxies that the administrator
 * named, the rightmost address of X-Forwarded-For that is none of theirs.
 * Whatever stands to the left of that one is the client's own invention.
 */
#ifndef LK_CLIENT_ADDRESS_H
#define LK_CLIENT_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rc.h"
#include "lib/store_session.h"

/* An IPv4 address is held as ::ffff:a.b.c.d, so that a proxy is known under
 * both of its names. */
struct lk_network {
	uint8_t address[16];
	unsigned bits; /* of the 128 that must be equal */
};

/*
 * Parses "ADDRESS" or "ADDRESS/BITS", IPv4 or IPv6.  What is set behind the
 * prefix is dropped.  LK_OK or LK_INVALID.
 */
enum lk_rc lk_network_parse(const char *text, struct lk_network *network_r);

/* Whether an address (its text) is in one of the networks (theirs). */
bool lk_address_in(const char *address, char *const *networks, size_t n);

/*
 * Writes the client's address in its canonical text; "" if REMOTE_ADDR is no
 * IP address (a web server on a unix socket).  remote and forwarded may be
 * NULL.
 */
void lk_client_address(const struct lk_network *trusted, size_t n_trusted,
		       const char *remote, const char *forwarded,
		       char out[LK_ADDRESS_MAX + 1]);

#endif
