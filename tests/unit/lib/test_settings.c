/*
 * lib/settings.c and its rules: defaults, ranges, what is refused and where,
 * and that neither the environment nor an earlier parse has a say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/settings.h"

#define ISSUER "issuer = \"https://auth.example\"\n"
#define P50    "/2345678901234567890123456789012345678901234567890"
#define P107   P50 P50 "/234567"

static char path[] = "/tmp/test_settings.XXXXXX";

static void write_file(const void *text, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* The settings of a text, or NULL and the message without the path. */
static struct lk_settings *load(const char *text, const char **message_r)
{
	static struct lk_err err;
	struct lk_settings *settings = NULL;
	enum lk_rc rc;

	write_file(text, strlen(text));
	err.msg[0] = '\0';
	rc = lk_settings_load(path, &settings, &err);
	*message_r = "";
	if (rc == LK_OK) {
		assert_non_null(settings);
	} else {
		assert_int_equal(rc, LK_INVALID);
		assert_null(settings);
		assert_memory_equal(err.msg, path, strlen(path));
		*message_r = err.msg + strlen(path);
	}
	return settings;
}

static struct lk_settings *load_good(const char *text)
{
	const char *message;
	struct lk_settings *settings = load(text, &message);

	if (settings == NULL)
		fail_msg("'%s' is refused: %s", text, message);
	return settings;
}

static int set_up(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	setenv("LK_TEST_HOST", "evil.example", 1);
	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

static void test_defaults(void **state)
{
	struct lk_settings *s = load_good(ISSUER);

	(void)state;
	assert_string_equal(s->issuer, "https://auth.example");
	assert_string_equal(s->audience, s->issuer);
	assert_string_equal(s->client_id, "latchkey");
	assert_int_equal(s->access_token_lifetime, 300);
	assert_int_equal(s->refresh_grace, 30);
	assert_int_equal(s->renew_window, 3600);
	assert_int_equal(s->session_idle_timeout, 7 * 86400);
	assert_int_equal(s->session_lifetime, 90 * 86400);
	assert_int_equal(s->session_limit, 5);
	assert_int_equal(s->leeway, 5);
	assert_int_equal(s->n_token_claims, 0);
	assert_true(s->signup);
	assert_int_equal(s->password_min_length, 8);
	assert_int_equal(s->argon2_memory_kib, 19456);
	assert_int_equal(s->argon2_time, 2);
	assert_string_equal(s->mount, "/auth");
	assert_int_equal(s->n_trusted_proxies, 0);
	assert_int_equal(s->n_metrics_allow, 2);
	assert_string_equal(s->metrics_allow[0], "127.0.0.1");
	assert_string_equal(s->metrics_allow[1], "::1");
	assert_false(s->insecure_cookies);
	assert_string_equal(s->sign_in_url, "");
	assert_int_equal(s->request_timeout, 10);
	assert_string_equal(s->listen, "/run/latchkey/latchkey.sock");
	assert_string_equal(s->socket_owner, "");
	assert_string_equal(s->socket_group, "");
	assert_int_equal(s->socket_mode, 0660);
	assert_string_equal(s->user, "");
	assert_string_equal(s->group, "");
	assert_string_equal(s->verify_listen, "");
	assert_int_equal(s->workers, 8);
	assert_int_equal(s->verify_workers, 2);
	assert_int_equal(s->worker_requests, 100000);
	assert_int_equal(s->drain_timeout, 10);
	assert_int_equal(s->index_entries, 100000);
	assert_int_equal(s->feed_interval_ms, 200);
	assert_int_equal(s->max_staleness, 30);
	assert_int_equal(s->audit_days, 90);
	assert_int_equal(s->signing_alg, LK_SIG_ES256);
	assert_int_equal(s->key_rotation, 2592000);
	assert_string_equal(s->database_options,
			    LK_SYSCONFDIR "/latchkey/database.cnf");
	assert_string_equal(s->master_key_file,
			    LK_SYSCONFDIR "/latchkey/master.key");
	assert_int_equal(s->log_level, LK_LOG_INFO);
	assert_int_equal(s->log_target, LK_LOG_STDERR);
	lk_settings_free(s);
}

static void test_values(void **state)
{
	struct lk_settings *s =
		load_good("# a comment with ${LK_TEST_HOST}, \", * and \\\r\n"
			  "issuer=https://[::1]:8443/a/b# and another\n"
			  "audience = 'api#1'\r\n"
			  "access_token_lifetime = 2   refresh_grace = 0\n"
			  "signup = No\n"
			  "mount = \"\"\n"
			  "trusted_proxies = {\n\t\"10.0.0.0/8\", # one\n"
			  "\t::1,\n}\n"
			  "metrics_allow = {192.0.2.1}\n"
			  "insecure_cookies = on sign_in_url = /sign-in\n"
			  "verify_listen = tcp:127.0.0.1:9001\n"
			  "socket_mode = 600\n"
			  "log_level = \"debug\"\nlog_target\n=\nsyslog");

	(void)state;
	assert_string_equal(s->issuer, "https://[::1]:8443/a/b");
	assert_string_equal(s->audience, "api#1");
	assert_int_equal(s->access_token_lifetime, 2);
	assert_int_equal(s->refresh_grace, 0);
	assert_false(s->signup);
	assert_string_equal(s->mount, "");
	assert_int_equal(s->n_trusted_proxies, 2);
	assert_string_equal(s->trusted_proxies[0], "10.0.0.0/8");
	assert_string_equal(s->trusted_proxies[1], "::1");
	assert_int_equal(s->n_metrics_allow, 1);
	assert_string_equal(s->metrics_allow[0], "192.0.2.1");
	assert_true(s->insecure_cookies);
	assert_string_equal(s->sign_in_url, "/sign-in");
	assert_string_equal(s->verify_listen, "tcp:127.0.0.1:9001");
	assert_int_equal(s->socket_mode, 0600);
	assert_int_equal(s->log_level, LK_LOG_DEBUG);
	assert_int_equal(s->log_target, LK_LOG_SYSLOG);
	lk_settings_free(s);
}

/* Texts after a good issuer in line 1, and how the message begins; NULL where
 * the text is taken. */
static const struct {
	const char *text;
	const char *message;
} cases[] = {
	{ "", NULL },
	/* numbers */
	{ "access_token_lifetime = 1", NULL },
	{ "access_token_lifetime = 86400", NULL },
	{ "access_token_lifetime = 0",
	  ":2: access_token_lifetime must be a "
	  "whole number from 1 to 86400, not '0'" },
	{ "access_token_lifetime = 86401", ":2: access_token_lifetime must" },
	{ "refresh_grace = 300", NULL },
	{ "refresh_grace = 301", ":2: refresh_grace must" },
	{ "refresh_grace = -1", ":2: refresh_grace must" },
	{ "renew_window = 0", ":2: renew_window must" },
	{ "session_limit = 1000", NULL },
	{ "session_limit = 1001", ":2: session_limit must" },
	{ "leeway = 60", NULL },
	{ "leeway = 61", ":2: leeway must" },
	{ "password_min_length = 7", ":2: password_min_length must" },
	{ "password_min_length = 128", NULL },
	{ "argon2_memory_kib = 1024 argon2_time = 1", NULL },
	{ "argon2_memory_kib = 1023", ":2: argon2_memory_kib must" },
	{ "argon2_memory_kib = 1048577", ":2: argon2_memory_kib must" },
	{ "argon2_time = 11", ":2: argon2_time must" },
	{ "request_timeout = 0", ":2: request_timeout must" },
	{ "drain_timeout = 0", NULL },
	{ "workers = 1024", NULL },
	{ "workers = 1025", ":2: workers must" },
	{ "worker_requests = 0", NULL },
	{ "verify_workers = 1", NULL },
	{ "verify_workers = 0", ":2: verify_workers must" },
	{ "verify_workers = 1025", ":2: verify_workers must" },
	{ "index_entries = 1", NULL },
	{ "index_entries = 0", ":2: index_entries must" },
	{ "index_entries = 100000001", ":2: index_entries must" },
	{ "feed_interval_ms = 10", NULL },
	{ "feed_interval_ms = 9", ":2: feed_interval_ms must" },
	{ "feed_interval_ms = 10001", ":2: feed_interval_ms must" },
	{ "max_staleness = 3600", NULL },
	{ "max_staleness = 0", ":2: max_staleness must" },
	{ "max_staleness = 3601", ":2: max_staleness must" },
	{ "audit_days = 0", NULL },
	{ "audit_days = 36501", ":2: audit_days must" },
	{ "key_rotation = 0", NULL },
	{ "key_rotation = 3600", NULL },
	{ "key_rotation = 3599", ":2: key_rotation is less than an hour" },
	{ "key_rotation = -1", ":2: key_rotation must" },
	{ "key_rotation = 315360001", ":2: key_rotation must" },
	{ "signing_alg = ES256", NULL },
	{ "signing_alg = EdDSA", NULL },
	{ "signing_alg = RS256", NULL },
	{ "signing_alg = PS256", NULL },
	{ "signing_alg = HS256", NULL },
	{ "signing_alg = ES384",
	  ":2: signing_alg must be one of ES256, EdDSA, RS256, PS256, HS256" },
	{ "signing_alg = none", ":2: signing_alg must" },
	{ "signing_alg = es256", ":2: signing_alg must" },
	{ "workers = 8x", ":2: workers must" },
	{ "workers = 0x8", ":2: workers must" },
	{ "workers = 010", ":2: workers must" },
	{ "workers = ' 8'", ":2: workers must" },
	{ "workers = ''", ":2: workers must" },
	{ "workers = 9223372036854775808", ":2: workers must" },
	{ "workers = 18446744073709551624", ":2: workers must" },
	{ "workers = {8}", ":2: unexpected token" },
	{ "workers =", ":3: premature end" },
	/* modes, booleans, choices */
	{ "socket_mode = 0777", NULL },
	{ "socket_mode = 1777", ":2: socket_mode must be an octal mode" },
	{ "socket_mode = 0668", ":2: socket_mode must" },
	{ "socket_mode = 60", ":2: socket_mode must" },
	{ "socket_mode = 00660", ":2: socket_mode must" },
	{ "insecure_cookies = 1", ":2: invalid boolean value for option "
				  "'insecure_cookies'" },
	{ "signup = 1", ":2: invalid boolean value for option 'signup'" },
	{ "log_level = verbose", ":2: log_level must be one of error, warn, "
				 "info, debug, not 'verbose'" },
	{ "log_level = ''", ":2: log_level must" },
	{ "log_target = STDERR", ":2: log_target must" },
	/* strings */
	{ "audience = ''", NULL },
	{ "audience = 'a b'", ":2: audience must be" },
	{ "client_id = ''", ":2: client_id must be" },
	{ "client_id = 'a\"b'", ":2: client_id must be" },
	{ "client_id = '\xc3\xa9'", ":2: client_id must be" },
	{ "mount = /a/b-c_d.e~f", NULL },
	{ "mount = /.well-known", NULL },
	{ "mount = /", ":2: mount must be" },
	{ "mount = /auth/", ":2: mount must be" },
	{ "mount = auth", ":2: mount must be" },
	{ "mount = '//auth'", ":2: mount must be" },
	{ "mount = /a/../b", ":2: mount must be" },
	{ "mount = /a/.", ":2: mount must be" },
	{ "mount = '/a b'", ":2: mount must be" },
	{ "mount = /a%20", ":2: mount must be" },
	{ "mount = " P50 P50 P50 P50 P50 "/2345", NULL },
	{ "mount = " P50 P50 P50 P50 P50 "/23456", ":2: mount must be" },
	{ "sign_in_url = ''", NULL },
	{ "sign_in_url = /", NULL },
	{ "sign_in_url = /auth/ui/", NULL },
	{ "sign_in_url = https://id.example/sign-in", NULL },
	{ "sign_in_url = ui", ":2: sign_in_url must be a local path" },
	{ "sign_in_url = '//id.example/'", ":2: sign_in_url must" },
	{ "sign_in_url = 'javascript:x'", ":2: sign_in_url must" },
	{ "sign_in_url = /ui?x=1", ":2: sign_in_url must" },
	{ "sign_in_url = '/ui#x'", ":2: sign_in_url must" },
	{ "sign_in_url = '/u i'", ":2: sign_in_url must" },
	{ "sign_in_url = 'https://id.example/?x'", ":2: sign_in_url must" },
	{ "listen = " P107, NULL },
	{ "listen = " P107 "8", ":2: listen must be" },
	{ "listen = run/x", ":2: listen must be" },
	{ "listen = ''", ":2: listen must be" },
	{ "listen = fd:0", NULL },
	{ "listen = fd:", ":2: listen must be" },
	{ "listen = fd:1x", ":2: listen must be" },
	{ "listen = tcp:127.0.0.1:9000", NULL },
	{ "listen = tcp:[::1]:65535", NULL },
	{ "listen = tcp:::1:9000", ":2: listen must be" },
	{ "listen = tcp:[::1:9000", ":2: listen must be" },
	{ "listen = tcp:[]:9000", ":2: listen must be" },
	{ "listen = tcp:[:9000", ":2: listen must be" },
	{ "listen = tcp:9000", ":2: listen must be" },
	{ "listen = tcp::9000", ":2: listen must be" },
	{ "listen = tcp:localhost:9000", ":2: listen must be" },
	{ "listen = tcp:127.0.0.1:0", ":2: listen must be" },
	{ "listen = tcp:127.0.0.1:65536", ":2: listen must be" },
	{ "listen = systemd:latchkey", NULL },
	{ "listen = systemd:latchkey.socket", NULL },
	{ "listen = systemd:", ":2: listen must be" },
	{ "listen = systemd:a:b", ":2: listen must be" },
	{ "listen = 'systemd:a b'", ":2: listen must be" },
	{ "verify_listen = systemd:verify", NULL },
	{ "verify_listen = ''", NULL },
	{ "verify_listen = fd:3", NULL },
	{ "verify_listen = run/x", ":2: verify_listen must be" },
	{ "verify_listen = tcp:localhost:9000", ":2: verify_listen must be" },
	{ "master_key_file = master.key", ":2: master_key_file must be" },
	{ "database_options = ''", ":2: database_options must be" },
	/* lists */
	{ "trusted_proxies = {}", NULL },
	{ "trusted_proxies = {0.0.0.0/0, '::/0', 192.0.2.1, ::1/128}", NULL },
	{ "trusted_proxies = {\n192.0.2.1,\n192.0.2.1/33}",
	  ":4: trusted_proxies must hold addresses" },
	{ "trusted_proxies = {::1/129}", ":2: trusted_proxies must" },
	{ "trusted_proxies = {192.0.2}", ":2: trusted_proxies must" },
	{ "trusted_proxies = {192.0.2.1/}", ":2: trusted_proxies must" },
	{ "trusted_proxies = {192.0.2.1/08}", ":2: trusted_proxies must" },
	{ "trusted_proxies = {localhost}", ":2: trusted_proxies must" },
	{ "trusted_proxies = {''}", ":2: trusted_proxies must" },
	{ "trusted_proxies = {::1", ":3: premature end" },
	{ "token_claims = {}", NULL },
	{ "token_claims = {plan, 'https://example.org/a?b#c'}", NULL },
	{ "token_claims = {plan, sub}", ":2: token_claims must hold names" },
	{ "token_claims = {scope}", ":2: token_claims must" },
	{ "token_claims = {active}", ":2: token_claims must" },
	{ "token_claims = {''}", ":2: token_claims must" },
	{ "token_claims = {'a b'}", ":2: token_claims must" },
	{ "token_claims = {\xc3\xa9}", ":2: token_claims must" },
	{ "metrics_allow = {}", NULL },
	{ "metrics_allow = {10.0.0.0/8, ::1}", NULL },
	{ "metrics_allow = {any}", ":2: metrics_allow must hold addresses" },
	/* the file as such */
	{ "#\n# two lines\n\nverify_allow = {}",
	  ":5: no such option 'verify_allow'" },
	{ "Workers = 1", ":2: no such option 'Workers'" },
	{ "include('/etc/hostname')", ":2: no such option 'include'" },
	{ "workers = 1\n# again\nworkers = 1",
	  ":4: workers is already set in line 2" },
	{ "trusted_proxies = {::1}\ntrusted_proxies = {}",
	  ":3: trusted_proxies is already set in line 2" },
	{ "workers = 1 workers\n#\n= 1", ":4: workers is already set" },
	{ "workers = 1 'workers' = 2", ":2: no setting is named" },
	{ "workers = 1 |workers = 2", ":2: '*', '+' and '|' are" },
	{ "trusted_proxies += {::1}", ":2: '*', '+' and '|' are" },
	{ "/* workers = 1 */", ":2: '*', '+' and '|' are" },
	{ "workers = 1 // many", ":2: a comment starts with '#'" },
	{ "client_id = ${LK_TEST_HOST}", ":2: ${...} is not taken" },
	{ "\nclient_id = \"${LK_TEST_HOST}\"", ":3: ${...} is not taken" },
	{ "client_id = '${LK_TEST_HOST}'", ":2: ${...} is not taken" },
	{ "client_id = \"a\\x41\"", ":2: a backslash is not taken" },
	{ "client_id = \"a\nb\"", ":2: a string does not end in its line" },
	{ "client_id = 'a", ":2: a string does not end in its line" },
	{ "client_id = 'a\tb'", ":2: client_id must be" },
	{ "client_id = a\033", ":2: control character" },
	{ "workers = 1\r0", ":2: control character" },
	{ "workers", ":3: premature end" },
	{ "\n'' {", ":3: a setting was expected" },
	{ "}", ":2: unexpected closing brace" },
	/* settings together */
	{ "session_idle_timeout = 300 session_lifetime = 300", NULL },
	{ "session_idle_timeout = 299\n",
	  ":2: session_idle_timeout (299) is shorter than" },
	{ "session_lifetime = 60\n\naccess_token_lifetime = 61",
	  ":4: session_lifetime (60) is shorter than" },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *expected = cases[i].message;
		const char *message;
		struct lk_settings *settings;
		char text[512];

		snprintf(text, sizeof(text), ISSUER "%s", cases[i].text);
		settings = load(text, &message);
		if (expected == NULL && settings == NULL)
			fail_msg("'%s' is refused: %s", cases[i].text, message);
		if (expected != NULL && settings != NULL)
			fail_msg("'%s' is taken", cases[i].text);
		if (expected != NULL &&
		    strncmp(message, expected, strlen(expected)) != 0)
			fail_msg("'%s' gives '%s', not '%s'", cases[i].text,
				 message, expected);
		lk_settings_free(settings);
		/* Whatever came before leaves nothing behind. */
		lk_settings_free(load_good(ISSUER));
	}
}

static void test_issuer(void **state)
{
	static const struct {
		const char *issuer;
		bool good;
	} rows[] = {
		{ "https://auth.example", true },
		{ "http://localhost:8080/auth", true },
		{ "https://192.0.2.1/", true },
		{ "", false },
		{ "auth.example", false },
		{ "HTTPS://auth.example", false },
		{ "ftp://auth.example", false },
		{ "https://", false },
		{ "https:///path", false },
		{ "https://[]", false },
		{ "https://[::1", false },
		{ "https://a:", false },
		{ "https://a:123456", false },
		{ "https://user@a", false },
		{ "https://a?query", false },
		{ "https://a/#fragment", false },
		{ "https://a ", false },
		{ " https://a", false },
		{ "https://a/<b>", false },
	};
	const char *message;
	char text[256];

	(void)state;
	assert_null(load("# nothing is set\n", &message));
	assert_string_equal(message, ": issuer must be set");
	assert_null(load("", &message));
	assert_string_equal(message, ": issuer must be set");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lk_settings *settings;

		snprintf(text, sizeof(text), "issuer = '%s'", rows[i].issuer);
		settings = load(text, &message);
		if ((settings != NULL) != rows[i].good)
			fail_msg("issuer '%s' is %s", rows[i].issuer,
				 settings != NULL ? "taken" : "refused");
		if (!rows[i].good)
			assert_memory_equal(message, ":1: issuer must be", 18);
		lk_settings_free(settings);
	}
}

static void test_origin(void **state)
{
	static const struct {
		const char *issuer, *origin;
	} rows[] = {
		{ "https://auth.example", "https://auth.example" },
		{ "https://auth.example/", "https://auth.example" },
		{ "https://auth.example/A/b:80", "https://auth.example" },
		{ "https://Auth.EXAMPLE/A", "https://auth.example" },
		{ "https://auth.example:443", "https://auth.example" },
		{ "https://auth.example:0443/", "https://auth.example" },
		{ "https://auth.example:80", "https://auth.example:80" },
		{ "https://auth.example:08443", "https://auth.example:8443" },
		{ "http://auth.example:80/x", "http://auth.example" },
		{ "http://Localhost:8080", "http://localhost:8080" },
		{ "http://auth.example:443", "http://auth.example:443" },
		{ "http://[::1]", "http://[::1]" },
		{ "http://[::80]/", "http://[::80]" },
		{ "http://[2001:DB8::1]:80", "http://[2001:db8::1]" },
		{ "https://[::1]:80", "https://[::1]:80" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lk_settings *settings;
		char text[256];

		snprintf(text, sizeof(text), "issuer = '%s'", rows[i].issuer);
		settings = load_good(text);
		if (strcmp(settings->origin, rows[i].origin) != 0)
			fail_msg("%s has the origin %s", rows[i].issuer,
				 settings->origin);
		assert_string_equal(settings->issuer, rows[i].issuer);
		lk_settings_free(settings);
	}
}

/* Whatever a user's roles and claims are, a cookie is to have room for them. */
static void test_names(void **state)
{
	static const struct {
		int issuer, audience, client_id; /* characters; 0: not set */
		const char *message;
	} rows[] = {
		{ 146, 0, 0, NULL }, /* twice, and "latchkey" */
		{ 147, 0, 0, ":1: issuer, audience and client_id have 302" },
		{ 100, 100, 100, NULL },
		{ 100, 100, 101,
		  ":3: issuer, audience and client_id have 301" },
		{ 101, 100, 100, ":3: issuer" },
		{ 190, 109, 1, NULL },
		{ 30, 255, 0, NULL },
		{ 38, 255, 0, ":2: issuer" },
		{ 256, 1, 1, ":1: issuer must be" },
	};
	char url[300] = "https://", name[300], text[1000];

	(void)state;
	memset(url + 8, 'a', sizeof(url) - 8);
	memset(name, 'a', sizeof(name));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lk_settings *settings;
		const char *message;
		int n = sprintf(text, "issuer = '%.*s'\n", rows[i].issuer, url);

		if (rows[i].audience > 0)
			n += sprintf(text + n, "audience = '%.*s'\n",
				     rows[i].audience, name);
		if (rows[i].client_id > 0)
			sprintf(text + n, "client_id = '%.*s'\n",
				rows[i].client_id, name);
		settings = load(text, &message);
		if ((settings == NULL) != (rows[i].message != NULL) ||
		    (settings == NULL && strncmp(message, rows[i].message,
						 strlen(rows[i].message)) != 0))
			fail_msg("row %zu: '%s'", i, message);
		lk_settings_free(settings);
	}
}

static void test_unreadable(void **state)
{
	static const char nul[] = ISSUER "client_id = 'a\0b'";
	struct lk_settings *settings;
	struct lk_err err;
	char *big = calloc(1, 70000);

	(void)state;
	assert_non_null(big);
	assert_int_equal(lk_settings_load("/nonexistent/x", &settings, &err),
			 LK_NOT_FOUND);
	assert_string_equal(err.msg, "/nonexistent/x: cannot be read: "
				     "No such file or directory");
	assert_null(settings);
	assert_int_equal(lk_settings_load("/", &settings, NULL), LK_NOT_FOUND);

	write_file(nul, sizeof(nul));
	assert_int_equal(lk_settings_load(path, &settings, &err), LK_INVALID);
	assert_non_null(strstr(err.msg, ":2: control character"));

	memset(big, '#', 70000);
	write_file(big, 70000);
	assert_int_equal(lk_settings_load(path, &settings, &err), LK_INVALID);
	assert_non_null(strstr(err.msg, ": is larger than 65536 bytes"));
	free(big);
}

static void test_needs_restart(void **state)
{
	static const struct {
		const char *text;
		const char *name;
	} rows[] = {
		{ "", NULL },
		{ "workers = 3 signup = no log_level = warn", NULL },
		{ "trusted_proxies = {::1} mount = /x", NULL },
		{ "metrics_allow = {} feed_interval_ms = 100", NULL },
		{ "verify_workers = 3 max_staleness = 9 audit_days = 0", NULL },
		{ "signing_alg = RS256 key_rotation = 0", NULL },
		{ "listen = fd:0", "listen" },
		{ "verify_listen = fd:3", "verify_listen" },
		{ "index_entries = 7", "index_entries" },
		{ "socket_mode = 0666", "socket_mode" },
		{ "socket_owner = www-data", "socket_owner" },
		{ "socket_group = www-data", "socket_group" },
		{ "user = latchkey", "user" },
		{ "group = latchkey", "group" },
		{ "master_key_file = /other", "master_key_file" },
	};
	struct lk_settings *now = load_good(ISSUER);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lk_settings *next;
		const char *name;
		char text[256];

		snprintf(text, sizeof(text), ISSUER "%s", rows[i].text);
		next = load_good(text);
		name = lk_settings_needs_restart(now, next);
		if ((name == NULL) != (rows[i].name == NULL) ||
		    (name != NULL && strcmp(name, rows[i].name) != 0))
			fail_msg("'%s' needs a restart for %s", rows[i].text,
				 name != NULL ? name : "nothing");
		lk_settings_free(next);
	}
	lk_settings_free(now);
}

static void test_grace(void **state)
{
	static const struct {
		int64_t lifetime, grace, us;
	} rows[] = {
		{ 300, 30, 30 * LK_SECOND }, { 300, 0, 0 },
		{ 120, 30, 30 * LK_SECOND }, { 100, 30, 25 * LK_SECOND },
		{ 2, 30, LK_SECOND / 2 },    { 1, 300, LK_SECOND / 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lk_settings s = {
			.access_token_lifetime = rows[i].lifetime,
			.refresh_grace = rows[i].grace,
		};

		if (lk_settings_grace_us(&s) != rows[i].us)
			fail_msg("grace %d of lifetime %d is %d us",
				 (int)rows[i].grace, (int)rows[i].lifetime,
				 (int)lk_settings_grace_us(&s));
	}
}

/* Every line is in form, and the defaults can be written as they are listed. */
static void test_list(void **state)
{
	FILE *list = tmpfile();
	struct lk_settings *settings;
	char line[1024], text[8192] = ISSUER;
	unsigned n = 0;

	(void)state;
	assert_non_null(list);
	lk_settings_list(list);
	rewind(list);
	while (fgets(line, sizeof(line), list) != NULL) {
		char name[64], type[16], value[800], when[16];
		size_t len = strlen(text);

		if (sscanf(line, "%63[a-z0-9_]\t%15[a-z]\t%799[^\t]\t%15[a-z]",
			   name, type, value, when) != 4 ||
		    (strcmp(when, "reload") != 0 &&
		     strcmp(when, "restart") != 0))
			fail_msg("not in form: %s", line);
		n++;
		if (strcmp(value, "required") == 0)
			assert_string_equal(name, "issuer");
		else
			snprintf(text + len, sizeof(text) - len, "%s = %s\n",
				 name, value);
	}
	fclose(list);
	assert_int_equal(n, 47);
	settings = load_good(text);
	assert_string_equal(settings->audience, settings->issuer);
	assert_int_equal(settings->socket_mode, 0660);
	assert_int_equal(settings->n_metrics_allow, 2);
	lk_settings_free(settings);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_issuer),
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_needs_restart),
		cmocka_unit_test(test_grace),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
