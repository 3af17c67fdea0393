/*
 * The master key file and the sealing of other keys with it.  The file is read
 * before privileges are dropped, or by latchkeyctl; it is written once, by
 * whoever sets the service up, and never again.
 */
#include "lib/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base64url.h"

#define TEXT_LEN LK_BASE64URL_LEN(LK_SEAL_KEY_SIZE)
#define FILE_LEN (TEXT_LEN + 1) /* with the newline */
#define NONCE    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG      crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(LK_SEAL_KEY_SIZE == crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
	       "key size");
_Static_assert(LK_SEAL_OVERHEAD == NONCE + TAG, "overhead");

/* The result for a file that could not be opened or made. */
static enum lk_rc open_failed(const char *path, struct lk_err *err)
{
	int e = errno;
	enum lk_rc rc = LK_INTERNAL;

	if (e == ENOENT || e == ENOTDIR)
		rc = LK_NOT_FOUND;
	else if (e == EEXIST)
		rc = LK_EXISTS;
	else if (e == EACCES || e == EPERM || e == ELOOP)
		rc = LK_DENIED; /* ELOOP: a symbolic link */
	return lk_fail(err, rc, "%s: %s", path, strerror(e));
}

/* Judged by the open file, so that it cannot be exchanged in between. */
static enum lk_rc check_file(int fd, const char *path, struct lk_err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return lk_fail(err, LK_INTERNAL, "%s: %s", path,
			       strerror(errno));
	if (!S_ISREG(st.st_mode))
		return lk_fail(err, LK_DENIED, "%s: not a regular file", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return lk_fail(
			err, LK_DENIED,
			"%s: owned by user %u, neither root nor this one", path,
			(unsigned)st.st_uid);
	if ((st.st_mode & 077) != 0)
		return lk_fail(err, LK_DENIED,
			       "%s: mode %04o lets others in (0600 is asked)",
			       path, (unsigned)(st.st_mode & 07777));
	return LK_OK;
}

enum lk_rc lk_master_key_read(const char *path, struct lk_master_key *key_r,
			      struct lk_err *err)
{
	char text[FILE_LEN + 1]; /* one more, to see that nothing follows */
	ssize_t got;
	size_t n = 0;
	enum lk_rc rc;
	/* O_NONBLOCK: a FIFO must not hold up the start. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
				    O_NOCTTY);

	if (fd < 0)
		return open_failed(path, err);
	rc = check_file(fd, path, err);
	if (rc != LK_OK)
		goto out;
	got = read(fd, text, sizeof(text));
	if (got < 0)
		rc = lk_fail(err, LK_INTERNAL, "%s: %s", path, strerror(errno));
	else if (got != (ssize_t)FILE_LEN || text[TEXT_LEN] != '\n' ||
		 lk_base64url_decode(text, TEXT_LEN, key_r->b, sizeof(key_r->b),
				     &n) != LK_OK)
		rc = lk_fail(err, LK_INVALID,
			     "%s: not a master key (%zu characters of base64url"
			     " and a newline)",
			     path, (size_t)TEXT_LEN);
out:
	close(fd);
	sodium_memzero(text, sizeof(text));
	return rc;
}

/* Makes the file's name durable. */
static bool sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX] = ".";
	bool ok;
	int fd;

	if (slash != NULL) {
		size_t len = slash == path ? 1 : (size_t)(slash - path);

		if (len >= sizeof(dir)) {
			errno = ENAMETOOLONG;
			return false;
		}
		memcpy(dir, path, len);
		dir[len] = '\0';
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ok = fsync(fd) == 0;
	close(fd);
	return ok;
}

enum lk_rc lk_master_key_create(const char *path, struct lk_master_key *key_r,
				struct lk_err *err)
{
	struct lk_master_key key;
	char text[FILE_LEN + 1];
	bool ok;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return open_failed(path, err);
	randombytes_buf(key.b, sizeof(key.b));
	lk_base64url_encode(key.b, sizeof(key.b), text);
	text[TEXT_LEN] = '\n';
	errno = EIO; /* what a short write leaves unsaid */
	/* fchmod, for the umask may have taken even the owner's bits. */
	ok = fchmod(fd, 0600) == 0 &&
	     write(fd, text, FILE_LEN) == (ssize_t)FILE_LEN && fsync(fd) == 0;
	sodium_memzero(&key, sizeof(key));
	sodium_memzero(text, sizeof(text));
	ok = close(fd) == 0 && ok && sync_directory(path);
	if (!ok) {
		int e = errno;

		unlink(path);
		return lk_fail(err, LK_INTERNAL, "%s: %s", path, strerror(e));
	}
	/* What was written is what will be read at each start. */
	return lk_master_key_read(path, key_r, err);
}

void lk_seal(const struct lk_master_key *key, const char *label,
	     const void *bytes, size_t n, uint8_t *out)
{
	/* 24 random bytes: XChaCha20 nonces may be drawn by lot for ever. */
	randombytes_buf(out, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE, NULL, bytes, n,
						   (const uint8_t *)label,
						   strlen(label), NULL, out,
						   key->b);
}

enum lk_rc lk_unseal(const struct lk_master_key *key, const char *label,
		     const void *sealed, size_t n, uint8_t *out)
{
	const uint8_t *nonce = sealed;

	if (n < LK_SEAL_OVERHEAD ||
	    crypto_aead_xchacha20poly1305_ietf_decrypt(
		    out, NULL, NULL, nonce + NONCE, n - NONCE,
		    (const uint8_t *)label, strlen(label), nonce, key->b) != 0)
		return LK_REFUSED;
	return LK_OK;
}
