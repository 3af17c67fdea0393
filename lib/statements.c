/*
 * The statements, each with the index that serves it.  `reads` marks those
 * that change nothing and may be run again after a lost connection.  Column
 * orders are those of the readers in lib/store_*.c.
 */
#include "lib/statements.h"

/* A session that counts: parameters now, and now minus the idle limit. */
#define ALIVE "expires_at > ? AND last_used_at > ?"

/* Nothing refreshes it any more once that key was revoked. */
#define REFRESHABLE "refresh_key_id IN (SELECT key_id FROM refresh_key)"

#define USER_COLUMNS                                                           \
	"u.user_id, u.login, u.password_hash, u.status = 'active', u.roles, "  \
	"u.claims, COALESCE(u.session_limit, 0), u.epoch, u.login_seq, "       \
	"d.global_epoch, u.created_at"

/* deployment has one row: the join gives the global epoch of the snapshot. */
#define USER_FROM " FROM user u JOIN deployment d ON d.one = 1 "

#define AUDIT_COLUMNS                                                          \
	"audit_id, happened_at, event, user_id, session_id, actor_id, ip, "    \
	"detail"

#define READ(number, text)       [number] = { text, true, false }
#define WRITE(number, text)      [number] = { text, false, false }
#define WRITE_ONCE(number, text) [number] = { text, false, true }

const struct lk_sql lk_statements[LK_STMT_N] = {
	WRITE(LK_STMT_USER_INSERT,
	      "INSERT INTO user (user_id, login, password_hash, status, "
	      "roles, claims, session_limit, created_at) "
	      "VALUES (?, ?, ?, IF(?, 'active', 'suspended'), ?, ?, "
	      "NULLIF(?, 0), ?)"),
	/* IGNORE: passes over a login that is taken; the caller has seen to it
	 * that nothing else can be wrong with a row */
	WRITE(LK_STMT_USER_INSERT_NEW,
	      "INSERT IGNORE INTO user (user_id, login, password_hash, "
	      "status, roles, claims, session_limit, created_at) "
	      "VALUES (?, ?, ?, IF(?, 'active', 'suspended'), ?, ?, "
	      "NULLIF(?, 0), ?)"),
	/* user_login */
	READ(LK_STMT_USER_BY_LOGIN,
	     "SELECT " USER_COLUMNS USER_FROM "WHERE u.login = ?"),
	/* primary */
	READ(LK_STMT_USER_BY_ID,
	     "SELECT " USER_COLUMNS USER_FROM "WHERE u.user_id = ?"),
	/* user_login, which has the user_id in it */
	READ(LK_STMT_USER_IDS,
	     "SELECT login, user_id FROM user WHERE login IN "
	     "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
	/* user_login; no UTF-8 has the byte FF, so it stands behind all that
	 * begins with the prefix */
	READ(LK_STMT_USER_LIST,
	     "SELECT " USER_COLUMNS USER_FROM
	     "WHERE u.login > ? AND u.login >= ? "
	     "AND u.login < CONCAT(?, X'FF') ORDER BY u.login LIMIT ?"),
	/* primary; changes a value each time, since a cluster certifies only
	 * rows that really changed */
	WRITE(LK_STMT_USER_BEGIN_LOGIN,
	      "UPDATE user SET login_seq = login_seq + 1 "
	      "WHERE user_id = ? AND password_hash = ? "
	      "AND status = 'active'"),
	WRITE(LK_STMT_USER_BEGIN_LOGIN_ONCE,
	      "UPDATE user SET login_seq = login_seq + 1 "
	      "WHERE user_id = ? AND password_hash = ? AND login_seq = ? "
	      "AND status = 'active'"),
	/* primary */
	WRITE(LK_STMT_USER_REHASH, "UPDATE user SET password_hash = ? "
				   "WHERE user_id = ? AND password_hash = ?"),
	/* primary; the new epoch comes back as the insert id */
	WRITE(LK_STMT_USER_RAISE_EPOCH,
	      "UPDATE user SET epoch = LAST_INSERT_ID(epoch + 1) "
	      "WHERE user_id = ?"),
	/* primary */
	WRITE(LK_STMT_USER_REPLACE,
	      "UPDATE user SET user_id = ?, password_hash = ?, "
	      "status = IF(?, 'active', 'suspended'), roles = ?, claims = ?, "
	      "session_limit = NULLIF(?, 0) WHERE user_id = ?"),
	WRITE(LK_STMT_USER_DELETE, "DELETE FROM user WHERE user_id = ?"),
	/* user_admin */
	READ(LK_STMT_USER_OTHER_ADMIN, "SELECT EXISTS (SELECT 1 FROM user "
				       "WHERE is_admin = 1 AND user_id <> ?)"),
	/* any index; so many and no more, here and wherever it says few */
	READ(LK_STMT_USER_FEW,
	     "SELECT COUNT(*), COUNT(*) FROM (SELECT 1 FROM user LIMIT ?) few"),
	WRITE(LK_STMT_ADMIN_SEQ_RAISE,
	      "UPDATE deployment SET admin_seq = admin_seq + 1 "
	      "WHERE one = 1"),

	WRITE(LK_STMT_SESSION_INSERT,
	      "INSERT INTO session (session_id, user_id, seed_hash, "
	      "refresh_key_id, generation, credential_tag, created_at, "
	      "last_used_at, rotated_at, expires_at, device, ip, user_agent) "
	      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
	/* primary, on each of the three tables */
	READ(LK_STMT_SESSION_WITH_USER,
	     "SELECT s.session_id, s.user_id, s.seed_hash, "
	     "s.refresh_key_id, s.generation, s.credential_tag, "
	     "s.created_at, s.last_used_at, s.rotated_at, "
	     "s.expires_at, " USER_COLUMNS " FROM session s "
	     "JOIN user u ON u.user_id = s.user_id "
	     "JOIN deployment d ON d.one = 1 "
	     "WHERE s.session_id = ?"),
	/* primary; the one write of a refresh.  FORCE: the optimizer looks for
	 * a range of expires_at, too, which takes a tenth of the statement */
	WRITE(LK_STMT_SESSION_ROTATE,
	      "UPDATE session FORCE INDEX (PRIMARY) "
	      "SET generation = generation + 1, "
	      "rotated_at = ?, last_used_at = ?, refresh_key_id = ? "
	      "WHERE session_id = ? AND generation = ? AND seed_hash = ? "
	      "AND " ALIVE),
	/* primary */
	WRITE(LK_STMT_SESSION_TOUCH,
	      "UPDATE session FORCE INDEX (PRIMARY) SET last_used_at = ? "
	      "WHERE session_id = ? AND generation = ? AND " ALIVE),
	/* session_user */
	WRITE(LK_STMT_SESSION_RETAG,
	      "UPDATE session SET credential_tag = ? "
	      "WHERE user_id = ? AND credential_tag = ?"),
	/* primary */
	WRITE(LK_STMT_SESSION_DELETE,
	      "DELETE FROM session WHERE session_id = ?"),
	WRITE(LK_STMT_SESSION_DELETE_OF_USER,
	      "DELETE FROM session WHERE session_id = ? AND user_id = ?"),
	/* session_user, four times */
	READ(LK_STMT_SESSION_COUNT,
	     "SELECT COUNT(*) FROM session WHERE user_id = ? AND " ALIVE),
	WRITE(LK_STMT_SESSION_DELETE_ALL,
	      "DELETE FROM session WHERE user_id = ?"),
	WRITE(LK_STMT_SESSION_DELETE_DEAD,
	      "DELETE FROM session WHERE user_id = ? AND NOT (" ALIVE ")"),
	READ(LK_STMT_SESSION_LIST,
	     "SELECT session_id, user_id, created_at, last_used_at, "
	     "expires_at, device, ip, user_agent, " REFRESHABLE
	     " FROM session WHERE user_id = ? AND " ALIVE
	     " ORDER BY last_used_at DESC, session_id DESC"),
	/* primary */
	READ(LK_STMT_SESSION_FEW,
	     "SELECT COUNT(*), COUNT(IF(" ALIVE ", 1, NULL)) FROM "
	     "(SELECT expires_at, last_used_at FROM session LIMIT ?) few"),

	/* session_expires; expired rows are nobody's any more */
	WRITE(LK_STMT_SESSION_PURGE_EXPIRED,
	      "DELETE FROM session WHERE expires_at <= ? LIMIT ?"),
	/* primary; a walk over all sessions, some at a time, without a lock */
	READ(LK_STMT_SESSION_WALK,
	     "SELECT session_id, last_used_at, " REFRESHABLE
	     " FROM session WHERE session_id > ? ORDER BY session_id LIMIT ?"),
	/* primary; only if it has not been used meanwhile */
	WRITE(LK_STMT_SESSION_DELETE_IDLE,
	      "DELETE FROM session WHERE session_id = ? AND last_used_at <= ?"),

	/* primary, twice at most; strangers have the lowest origin_key */
	READ(LK_STMT_FAILURE_READ,
	     "SELECT origin_key, failures, counted_at, free_at "
	     "FROM login_failure WHERE login_key = ? "
	     "AND origin_key IN (?, REPEAT('\\0', 16)) "
	     "ORDER BY origin_key DESC LIMIT 1"),
	WRITE(LK_STMT_FAILURE_INSERT,
	      "INSERT INTO login_failure (login_key, origin_key, failures, "
	      "counted_at, free_at) VALUES (?, ?, ?, ?, ?)"),
	/* primary */
	WRITE(LK_STMT_FAILURE_COUNT,
	      "UPDATE login_failure SET failures = ?, counted_at = ?, "
	      "free_at = ? WHERE login_key = ? AND origin_key = ? "
	      "AND failures = ?"),
	WRITE(LK_STMT_FAILURE_UNCOUNT,
	      "UPDATE login_failure SET failures = failures - 1, "
	      "free_at = counted_at WHERE login_key = ? AND origin_key = ? "
	      "AND failures > 0"),
	WRITE(LK_STMT_FAILURE_FORGET,
	      "DELETE FROM login_failure WHERE login_key = ? "
	      "AND origin_key = ?"),
	WRITE(LK_STMT_FAILURE_RESET,
	      "UPDATE login_failure SET failures = 0, free_at = counted_at "
	      "WHERE login_key = ?"),
	WRITE(LK_STMT_FAILURE_GOOD,
	      "INSERT INTO login_failure (login_key, origin_key, failures, "
	      "counted_at, free_at) VALUES (?, ?, 0, ?, ?) "
	      "ON DUPLICATE KEY UPDATE failures = 0, "
	      "counted_at = VALUES(counted_at), free_at = VALUES(free_at)"),
	/* login_failure_kept */
	WRITE(LK_STMT_FAILURE_PURGE,
	      "DELETE FROM login_failure WHERE kept_until <= ? LIMIT ?"),

	WRITE(LK_STMT_REVOCATION_INSERT,
	      "INSERT INTO revocation (kind, target, epoch, revoked_at, "
	      "expires_at) VALUES (?, ?, ?, ?, ?)"),
	/* revocation_target, four look-ups of it */
	READ(LK_STMT_REVOCATION_CHECK,
	     "SELECT EXISTS (SELECT 1 FROM revocation "
	     "WHERE target = ? AND kind = 'jti') "
	     "OR EXISTS (SELECT 1 FROM revocation "
	     "WHERE target = ? AND kind = 'session') "
	     "OR EXISTS (SELECT 1 FROM revocation "
	     "WHERE target = ? AND kind = 'user' AND epoch > ?) "
	     "OR EXISTS (SELECT 1 FROM deployment "
	     "WHERE one = 1 AND global_epoch > ?)"),

	/* primary */
	READ(LK_STMT_REVOCATION_FEED,
	     "SELECT revocation_id, kind, target, epoch, revoked_at, "
	     "expires_at FROM revocation WHERE revocation_id > ? "
	     "AND expires_at > LEAST(?, (SELECT clock_seen FROM deployment "
	     "WHERE one = 1)) "
	     "ORDER BY revocation_id LIMIT ?"),
	/* primary; what the purge would delete is few */
	READ(LK_STMT_REVOCATION_LIST,
	     "SELECT revocation_id, kind, target, epoch, revoked_at, "
	     "expires_at FROM revocation WHERE revocation_id < ? "
	     "AND expires_at > ? ORDER BY revocation_id DESC LIMIT ?"),
	READ(LK_STMT_REVOCATION_FEW,
	     "SELECT COUNT(*), COUNT(IF(expires_at > ?, 1, NULL)) FROM "
	     "(SELECT expires_at FROM revocation LIMIT ?) few"),
	/* revocation_target; see lib/end.c */
	WRITE(LK_STMT_REVOCATION_CONFIRM,
	      "UPDATE revocation SET expires_at = "
	      "expires_at + INTERVAL 1 MICROSECOND "
	      "WHERE target = ? AND kind = 'session'"),
	/* revocation_expires; not beyond what the watch over the clock knows
	 * of, so that a step back is met even if it comes with a restart */
	WRITE(LK_STMT_REVOCATION_PURGE,
	      "DELETE FROM revocation WHERE expires_at <= "
	      "LEAST(?, (SELECT clock_seen FROM deployment WHERE one = 1)) "
	      "LIMIT ?"),

	WRITE(LK_STMT_AUDIT_INSERT,
	      "INSERT INTO audit (audit_id, happened_at, event, user_id, "
	      "session_id, actor_id, ip, detail) "
	      "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),

	/* primary: ids are in the order of time; audit_user */
	READ(LK_STMT_AUDIT_LIST,
	     "SELECT " AUDIT_COLUMNS " FROM audit WHERE audit_id < ? "
	     "ORDER BY audit_id DESC LIMIT ?"),
	READ(LK_STMT_AUDIT_LIST_OF_USER,
	     "SELECT " AUDIT_COLUMNS " FROM audit WHERE user_id = ? "
	     "AND audit_id < ? ORDER BY audit_id DESC LIMIT ?"),
	/* primary */
	WRITE(LK_STMT_AUDIT_PURGE, "DELETE FROM audit WHERE audit_id < ? "
				   "ORDER BY audit_id LIMIT ?"),

	WRITE(LK_STMT_GLOBAL_EPOCH_RAISE,
	      "UPDATE deployment SET global_epoch = "
	      "LAST_INSERT_ID(global_epoch + 1), clock_seen = ? "
	      "WHERE one = 1 AND clock_seen = ?"),
	WRITE(LK_STMT_GLOBAL_EPOCH_NEXT,
	      "UPDATE deployment SET global_epoch = "
	      "LAST_INSERT_ID(global_epoch + 1) WHERE one = 1"),
	READ(LK_STMT_DEPLOYMENT_READ,
	     "SELECT global_epoch, clock_seen FROM deployment WHERE one = 1"),
	/* no wait for the row, which others may hold: it is tried again */
	WRITE_ONCE(LK_STMT_CLOCK_NOTE,
		   "SET STATEMENT innodb_lock_wait_timeout = 0 FOR "
		   "UPDATE deployment SET clock_seen = ? "
		   "WHERE one = 1 AND clock_seen < ?"),

	READ(LK_STMT_RING_VERSION,
	     "SELECT ring_version FROM deployment WHERE one = 1"),
	/* primary; every move of a key is fenced by this compare-and-swap */
	WRITE(LK_STMT_RING_MOVE,
	      "UPDATE deployment SET ring_version = ring_version + 1 "
	      "WHERE one = 1 AND ring_version = ?"),
	WRITE(LK_STMT_SIGNING_KEY_INSERT,
	      "INSERT INTO signing_key (state, created_at, due_at, "
	      "activated_at, retired_at, revokes, sealed, kid, alg) "
	      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"),
	READ(LK_STMT_SIGNING_KEY_LIST,
	     "SELECT kid, alg, state, created_at, due_at, activated_at, "
	     "retired_at, revokes, sealed FROM signing_key "
	     "ORDER BY created_at, kid"),
	/* primary, here and in the next three */
	WRITE(LK_STMT_SIGNING_KEY_UPDATE,
	      "UPDATE signing_key SET state = ?, created_at = ?, due_at = ?, "
	      "activated_at = ?, retired_at = ?, revokes = ?, sealed = ? "
	      "WHERE kid = ?"),
	WRITE(LK_STMT_SIGNING_KEY_DELETE,
	      "DELETE FROM signing_key WHERE kid = ?"),
	WRITE(LK_STMT_REFRESH_KEY_UPDATE,
	      "UPDATE refresh_key SET state = ?, created_at = ?, due_at = ?, "
	      "activated_at = ?, retired_at = ?, revokes = ?, sealed = ? "
	      "WHERE key_id = ?"),
	WRITE(LK_STMT_REFRESH_KEY_DELETE,
	      "DELETE FROM refresh_key WHERE key_id = ?"),
	WRITE(LK_STMT_REFRESH_KEY_INSERT,
	      "INSERT INTO refresh_key (state, created_at, due_at, "
	      "activated_at, retired_at, revokes, sealed, key_id) "
	      "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),
	READ(LK_STMT_REFRESH_KEY_LIST,
	     "SELECT key_id, state, created_at, due_at, activated_at, "
	     "retired_at, revokes, sealed FROM refresh_key ORDER BY key_id"),

	WRITE(LK_STMT_CLIENT_INSERT,
	      "INSERT INTO client (client_id, secret_hash, created_at) "
	      "VALUES (?, ?, ?)"),
	/* primary, three times */
	READ(LK_STMT_CLIENT_SECRET,
	     "SELECT secret_hash FROM client WHERE client_id = ?"),
	READ(LK_STMT_CLIENT_LIST, "SELECT client_id, created_at FROM client "
				  "ORDER BY client_id"),
	WRITE(LK_STMT_CLIENT_DELETE, "DELETE FROM client WHERE client_id = ?"),

	READ(LK_STMT_MIGRATION_TABLE,
	     "SELECT COUNT(*) FROM information_schema.tables "
	     "WHERE table_schema = DATABASE() "
	     "AND table_name = 'schema_version'"),
	READ(LK_STMT_MIGRATION_LIST,
	     "SELECT version, name, connection_id, started_at, finished_at "
	     "FROM schema_version ORDER BY version"),
	WRITE(LK_STMT_MIGRATION_BEGIN,
	      "INSERT INTO schema_version (version, name, connection_id, "
	      "started_at) VALUES (?, ?, CONNECTION_ID(), ?)"),
	WRITE(LK_STMT_MIGRATION_FINISH,
	      "UPDATE schema_version SET finished_at = ? WHERE version = ?"),
	WRITE(LK_STMT_MIGRATION_FORGET,
	      "DELETE FROM schema_version "
	      "WHERE version = ? AND finished_at IS NULL"),
	/* one sees one's own user's connections without any privilege */
	READ(LK_STMT_CONNECTION_ALIVE,
	     "SELECT COUNT(*) FROM information_schema.processlist "
	     "WHERE id = ? AND (SELECT variable_value "
	     "FROM information_schema.global_status "
	     "WHERE variable_name = 'UPTIME') + 1 >= ?"),
	/* InnoDB's estimate, which it has at hand */
	READ(LK_STMT_TABLE_ROWS,
	     "SELECT COALESCE(table_rows, 0) FROM information_schema.tables "
	     "WHERE table_schema = DATABASE() AND table_name = ?"),
};
