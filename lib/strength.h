/*
 * How hard a password is to guess, by zxcvbn: dictionaries, names, keyboard
 * walks, dates, repetitions.  The only file that includes zxcvbn.
 */
#ifndef LK_STRENGTH_H
#define LK_STRENGTH_H

/*
 * The strength from 0 (among the first thousand guesses) over 1 (10^6), 2
 * (10^8) and 3 (10^10) to 4.  words, ended by NULL, are those that a guesser of
 * this very account tries first.  Takes NUL-terminated text; milliseconds.
 */
int lk_strength(const char *password, const char *const *words);

#endif
