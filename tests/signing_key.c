/*
 * Prints the key that a deployment signs with, as `ALG KID DER`, the last in
 * hex: so that tests can forge, by another library, tokens that only the key's
 * owner could make.  Built with --enable-test-hooks alone, never installed.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/service.h"

static enum lk_rc print_key(const struct lk_jws_key *key, struct lk_err *err)
{
	const struct lk_sig_key *sig = lk_jws_sig(key);
	uint8_t der[LK_SIG_DER_MAX];
	char hex[2 * LK_SIG_DER_MAX + 1];
	size_t n = 0;
	enum lk_rc rc = lk_sig_private_der(sig, der, &n, err);

	if (rc != LK_OK)
		return rc;
	printf("%s %s %s\n", lk_sig_alg_name(lk_sig_alg(sig)), lk_jws_kid(key),
	       sodium_bin2hex(hex, sizeof(hex), der, n));
	return LK_OK;
}

int main(int argc, char **argv)
{
	struct lk_service service = { .db = NULL };
	struct lk_settings *settings = NULL;
	struct lk_master_key master_key;
	struct lk_err err = { "usage: signing-key CONFIG" };
	enum lk_rc rc = LK_INVALID;

	if (argc == 2 && sodium_init() >= 0)
		rc = lk_settings_load(argv[1], &settings, &err);
	if (rc == LK_OK)
		rc = lk_master_key_read(settings->master_key_file, &master_key,
					&err);
	if (rc == LK_OK)
		rc = lk_service_open(&service, settings, &master_key, NULL);
	if (rc == LK_OK)
		rc = lk_service_ring(&service, &err);
	if (rc == LK_OK)
		rc = print_key(lk_keyring_signer(service.ring), &err);
	if (rc != LK_OK)
		fprintf(stderr, "%s\n", err.msg);
	lk_service_close(&service);
	lk_settings_free(settings);
	return rc == LK_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
