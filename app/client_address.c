/*
 * The client's address (http-api "Rules for all").  X-Forwarded-For grows to
 * the right, each proxy appending whom it was called by; so it is read from
 * the right, and believed only as far as the proxies are ours.
 */
#include "app/client_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool parse_address(const char *text, size_t len, uint8_t address[16])
{
	char copy[LK_ADDRESS_MAX + 1];

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET6, copy, address) == 1)
		return true;
	memcpy(address, v4_mapped, sizeof(v4_mapped));
	return inet_pton(AF_INET, copy, address + sizeof(v4_mapped)) == 1;
}

static void format_address(const uint8_t address[16],
			   char out[LK_ADDRESS_MAX + 1])
{
	if (memcmp(address, v4_mapped, sizeof(v4_mapped)) == 0)
		inet_ntop(AF_INET, address + sizeof(v4_mapped), out,
			  LK_ADDRESS_MAX + 1);
	else
		inet_ntop(AF_INET6, address, out, LK_ADDRESS_MAX + 1);
}

/* The mask of byte i of an address, for a prefix of that many bits. */
static uint8_t prefix_mask(unsigned bits, unsigned i)
{
	if (bits >= 8 * (i + 1))
		return 0xff;
	if (bits <= 8 * i)
		return 0;
	return (uint8_t)(0xff << (8 * (i + 1) - bits));
}

static bool parse_bits(const char *text, unsigned max, unsigned *bits_r)
{
	unsigned bits = 0;

	if (*text == '\0' || strlen(text) > 3)
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		bits = bits * 10 + (unsigned)(*text - '0');
	}
	*bits_r = bits;
	return bits <= max;
}

enum lk_rc lk_network_parse(const char *text, struct lk_network *network_r)
{
	size_t len = strcspn(text, "/");
	bool v6 = memchr(text, ':', len) != NULL;
	unsigned max = v6 ? 128 : 32;
	unsigned bits = max;

	if (!parse_address(text, len, network_r->address))
		return LK_INVALID;
	if (text[len] == '/' && !parse_bits(text + len + 1, max, &bits))
		return LK_INVALID;
	network_r->bits = bits + (128 - max);
	for (unsigned i = 0; i < sizeof(network_r->address); i++)
		network_r->address[i] &= prefix_mask(network_r->bits, i);
	return LK_OK;
}

static bool network_contains(const struct lk_network *network,
			     const uint8_t address[16])
{
	for (unsigned i = 0; i < sizeof(network->address); i++)
		if ((address[i] & prefix_mask(network->bits, i)) !=
		    network->address[i])
			return false;
	return true;
}

static bool is_trusted(const struct lk_network *trusted, size_t n_trusted,
		       const uint8_t address[16])
{
	for (size_t i = 0; i < n_trusted; i++)
		if (network_contains(&trusted[i], address))
			return true;
	return false;
}

bool lk_address_in(const char *address, char *const *networks, size_t n)
{
	struct lk_network network;
	uint8_t bytes[16];

	if (!parse_address(address, strlen(address), bytes))
		return false;
	for (size_t i = 0; i < n; i++)
		if (lk_network_parse(networks[i], &network) == LK_OK &&
		    network_contains(&network, bytes))
			return true;
	return false;
}

/* Takes the last item off a comma-separated list of *len_r bytes. */
static const char *pop_item(const char *list, size_t *len_r, size_t *item_len_r)
{
	size_t end = *len_r;
	size_t start;

	while (end > 0 && (list[end - 1] == ' ' || list[end - 1] == '\t'))
		end--;
	for (start = end; start > 0 && list[start - 1] != ',';)
		start--;
	*len_r = start > 0 ? start - 1 : 0;
	while (start < end && (list[start] == ' ' || list[start] == '\t'))
		start++;
	*item_len_r = end - start;
	return list + start;
}

void lk_client_address(const struct lk_network *trusted, size_t n_trusted,
		       const char *remote, const char *forwarded,
		       char out[LK_ADDRESS_MAX + 1])
{
	uint8_t client[16];
	size_t left = forwarded != NULL ? strlen(forwarded) : 0;

	out[0] = '\0';
	if (remote == NULL || !parse_address(remote, strlen(remote), client))
		return;
	while (left > 0 && is_trusted(trusted, n_trusted, client)) {
		uint8_t previous[16];
		size_t len;
		const char *item = pop_item(forwarded, &left, &len);

		if (!parse_address(item, len, previous))
			break;
		memcpy(client, previous, sizeof(client));
	}
	format_address(client, out);
}
