/*
 * What the value of a setting must look like, one function a rule.  Each gives
 * NULL for a good value, or static text to follow the setting's name: "must be
 * an absolute path".
 */
#ifndef LK_SETTING_RULES_H
#define LK_SETTING_RULES_H

#include <stdbool.h>

/* 1 to 255 visible ASCII characters that JSON need not escape: what goes into a
 * token as it stands. */
const char *lk_rule_name(const char *value);

/* An absolute http(s) URL that can be an issuer (RFC 8414 §2). */
const char *lk_rule_url(const char *value);

/* The path that the web server hands over: "/auth", or "" for its root. */
const char *lk_rule_mount(const char *value);

/* An absolute path that fits a socket, tcp:ADDRESS:PORT, fd:NUMBER or
 * systemd:NAME. */
const char *lk_rule_listen(const char *value);

/* An IPv4 or IPv6 address, alone or with a prefix length. */
const char *lk_rule_network(const char *value);

const char *lk_rule_path(const char *value);

/* The name of a claim that a user's own may have (lib/reserved_claims.h). */
const char *lk_rule_claim(const char *value);

/* Where browsers are sent: "", a local path or an http(s) URL. */
const char *lk_rule_sign_in_url(const char *value);

/* Decimal digits without sign or leading zero (some read that as octal), from
 * least, which is not negative, to most. */
bool lk_whole_number(const char *text, long least, long most);

#endif
