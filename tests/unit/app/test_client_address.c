/*
 * The client's address: who is believed, in which order, and what garbage does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "app/client_address.h"

/* What all client cases trust. */
static const char *const trusted_texts[] = {
	"10.9.9.9/8",
	"192.0.2.7",
	"2001:db8:1::/48",
	"::1",
};

#define N_TRUSTED (sizeof(trusted_texts) / sizeof(trusted_texts[0]))

static const struct {
	const char *name;
	const char *remote, *forwarded;
	const char *want;
} clients[] = {
	{ "no proxy", "203.0.113.9", NULL, "203.0.113.9" },
	{ "untrusted peer's header", "203.0.113.9", "1.2.3.4", "203.0.113.9" },
	{ "one proxy", "10.1.2.3", "203.0.113.9", "203.0.113.9" },
	{ "proxy without a header", "10.1.2.3", NULL, "10.1.2.3" },
	{ "proxy with an empty header", "10.1.2.3", "", "10.1.2.3" },
	{ "forged left part", "10.1.2.3", "1.2.3.4, 203.0.113.9",
	  "203.0.113.9" },
	{ "two proxies", "10.1.2.3", "1.2.3.4, 203.0.113.9, 192.0.2.7",
	  "203.0.113.9" },
	{ "all trusted: the leftmost", "10.1.2.3", "10.0.0.1,10.0.0.2",
	  "10.0.0.1" },
	{ "neighbour of a trusted host", "192.0.2.8", "1.2.3.4", "192.0.2.8" },
	{ "just outside the network", "11.0.0.0", "1.2.3.4", "11.0.0.0" },
	{ "last of the network", "10.255.255.255", "1.2.3.4", "1.2.3.4" },
	{ "white space", "10.1.2.3", " \t1.2.3.4 ,\t203.0.113.9\t ",
	  "203.0.113.9" },
	{ "garbage stops the walk", "10.1.2.3", "203.0.113.9, evil, 10.0.0.9",
	  "10.0.0.9" },
	{ "garbage at once", "10.1.2.3", "unknown", "10.1.2.3" },
	{ "empty item stops the walk", "10.1.2.3", "203.0.113.9,,10.0.0.9",
	  "10.0.0.9" },
	{ "trailing comma", "10.1.2.3", "203.0.113.9,", "10.1.2.3" },
	{ "an item far too long", "10.1.2.3",
	  "1111111111111111111111111111111111111111111111111111111111111",
	  "10.1.2.3" },
	{ "address with a port", "10.1.2.3", "203.0.113.9:80", "10.1.2.3" },
	{ "octal look-alike", "10.1.2.3", "010.0.0.1", "10.1.2.3" },
	{ "IPv6 proxy", "2001:db8:1:2::3", "2001:db8:f::9", "2001:db8:f::9" },
	{ "IPv6 just outside", "2001:db8:2::", "1.2.3.4", "2001:db8:2::" },
	{ "canonical IPv6", "2001:0DB8:0:0:0:0:0:00Ff", NULL, "2001:db8::ff" },
	{ "mapped proxy", "::ffff:10.1.2.3", "203.0.113.9", "203.0.113.9" },
	{ "mapped client", "::1", "::ffff:203.0.113.9", "203.0.113.9" },
	{ "mapped client in hexadecimal", "::1", "::FFFF:cb00:7109",
	  "203.0.113.9" },
	{ "longest text", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", NULL,
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe" },
	{ "zone", "fe80::1%eth0", "1.2.3.4", "" },
	{ "unix socket", "unix:", "1.2.3.4", "" },
	{ "empty", "", "1.2.3.4", "" },
	{ "absent", NULL, "1.2.3.4", "" },
};

static const struct {
	const char *text;
	enum lk_rc want;
	unsigned bits;
} networks[] = {
	{ "127.0.0.1", LK_OK, 128 },
	{ "127.0.0.1/32", LK_OK, 128 },
	{ "10.0.0.0/8", LK_OK, 104 },
	{ "172.16.0.0/12", LK_OK, 108 },
	{ "0.0.0.0/0", LK_OK, 96 },
	{ "::/0", LK_OK, 0 },
	{ "::1", LK_OK, 128 },
	{ "fe80::1/10", LK_OK, 10 },
	{ "::ffff:10.0.0.0/104", LK_OK, 104 },
	{ "", LK_INVALID, 0 },
	{ "/8", LK_INVALID, 0 },
	{ "10.0.0.0/", LK_INVALID, 0 },
	{ "10.0.0.0/33", LK_INVALID, 0 },
	{ "10.0.0.0/-1", LK_INVALID, 0 },
	{ "10.0.0.0/ 8", LK_INVALID, 0 },
	{ "10.0.0.0/8x", LK_INVALID, 0 },
	{ "10.0.0.0/0008", LK_INVALID, 0 },
	{ "10.0.0.0/8/8", LK_INVALID, 0 },
	{ "::/129", LK_INVALID, 0 },
	{ "::/4294967296", LK_INVALID, 0 },
	{ "10.0.0", LK_INVALID, 0 },
	{ "localhost", LK_INVALID, 0 },
	{ "10.0.0.1 ", LK_INVALID, 0 },
};

static void test_client(void **state)
{
	struct lk_network trusted[N_TRUSTED];

	(void)state;
	for (size_t i = 0; i < N_TRUSTED; i++)
		assert_int_equal(
			lk_network_parse(trusted_texts[i], &trusted[i]), LK_OK);
	for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
		char got[LK_ADDRESS_MAX + 1];

		lk_client_address(trusted, N_TRUSTED, clients[i].remote,
				  clients[i].forwarded, got);
		if (strcmp(got, clients[i].want) != 0)
			fail_msg("%s: %s, not %s", clients[i].name, got,
				 clients[i].want);
	}
}

static void test_nobody_trusted(void **state)
{
	char got[LK_ADDRESS_MAX + 1];

	(void)state;
	lk_client_address(NULL, 0, "127.0.0.1", "203.0.113.9", got);
	assert_string_equal(got, "127.0.0.1");
}

static void test_network(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
		struct lk_network got;
		enum lk_rc rc = lk_network_parse(networks[i].text, &got);

		if (rc != networks[i].want)
			fail_msg("\"%s\": %d, not %d", networks[i].text, rc,
				 networks[i].want);
		if (rc == LK_OK && got.bits != networks[i].bits)
			fail_msg("\"%s\": %u bits, not %u", networks[i].text,
				 got.bits, networks[i].bits);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_nobody_trusted),
		cmocka_unit_test(test_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
