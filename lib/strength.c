/*
 * Password strength.  Runs where passwords are set.
 */
#include "lib/strength.h"

#include <stdint.h>
#include <zxcvbn.h>

int lk_strength(const char *password, const char *const *words)
{
	/* log2 of the guesses that zxcvbn's scores stand for. */
	static const double bits[] = { 9.97, 19.93, 26.58, 33.22 };
	const double entropy =
		ZxcvbnMatch(password, (const char **)(uintptr_t)words, NULL);
	int score = 0;

	while (score < 4 && entropy >= bits[score])
		score++;
	return score;
}
