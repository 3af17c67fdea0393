"""The purge: what is over goes, what lives stays, and nobody notices."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mariadb import Database, MariaDB
from pool import Deploy, User
from waiting import until

DAY = 86400


def count(database: Database, table: str) -> int:
    return database.one(f"SELECT COUNT(*) FROM {table}")


def test_sessions(deploy: Deploy) -> None:
    pool = deploy(session_idle_timeout=4000, session_lifetime=10000)
    idle, busy = pool.user(), pool.user()
    idle.sign_in()
    token = busy.sign_in()
    pool.clock.advance(3000)
    token = pool.api.refresh(token["refresh_token"]).json
    pool.clock.advance(1001)
    until(lambda: idle.session_rows() == [], "the idle session goes")
    assert len(busy.session_rows()) == 1
    for _ in range(2):
        pool.clock.advance(2500)
        answer = pool.api.refresh(token["refresh_token"])
        assert answer.status == 200, answer
        token = answer.json
    late = idle.sign_in()
    pool.clock.set(10001)
    until(lambda: busy.session_rows() == [], "the session that is over goes")
    assert len(idle.session_rows()) == 1
    assert pool.api.refresh(late["refresh_token"]).status == 200


def test_revocations(deploy: Deploy) -> None:
    pool = deploy(session_idle_timeout=20000)
    user = pool.user()
    for _ in range(3):
        pool.api.post("/logout", token=user.sign_in()["access_token"])
    pool.clock.advance(900)
    late = user.sign_in()["access_token"]
    pool.api.post("/logout", token=late)
    assert count(pool.database, "revocation") == 4
    pool.clock.advance(6)
    until(lambda: count(pool.database, "revocation") == 1, "three go")
    assert pool.dead_everywhere(late)
    assert pool.database.one("SELECT expires_at > UTC_TIMESTAMP()"
                             " + INTERVAL 906 SECOND FROM revocation") == 1


@pytest.mark.parametrize("days, left", [(2, 0), (0, 1)])
def test_audit(deploy: Deploy, days: int, left: int) -> None:
    """audit_days = 0 keeps it for ever."""
    pool = deploy(audit_days=days, session_idle_timeout=10 * DAY)
    early, late, marker = pool.user(), pool.user(), pool.user()
    early.sign_in()
    pool.clock.advance(DAY)
    late.sign_in()
    logins = ("SELECT COUNT(*) FROM audit JOIN user USING (user_id)"
              " WHERE event = 'login' AND login = %s")
    pool.clock.advance(DAY + 60)
    # What goes later in the same round, or in the next one.
    marker.sign_in()
    pool.database.sql("UPDATE session JOIN user USING (user_id)"
                      " SET last_used_at = '2000-01-01' WHERE login = %s",
                      marker.login)
    until(lambda: marker.session_rows() == [], "the purge has been round")
    until(lambda: pool.database.one(logins, early.login) == left,
          "what is old has gone")
    assert pool.database.one(logins, late.login) == 1


def test_failed_sign_ins(deploy: Deploy) -> None:
    """After a week, and the addresses that are known from good ones after 90
    days, their failures with them."""
    pool = deploy()
    users = [pool.user() for _ in range(2)]

    def left() -> list[tuple[bool, int]]:
        """Whether it is of strangers, and how many failures."""
        return sorted((row["strangers"] == 1, row["failures"])
                      for row in pool.database.sql(
            "SELECT origin_key = REPEAT('\\0', 16) AS strangers, failures"
            " FROM login_failure"))

    users[0].sign_in()
    for login in 2 * ["nobody-at-all"] + [users[0].login]:
        pool.api.login(login, "not the pass phrase")
    assert left() == [(False, 1), (True, 2)]
    pool.clock.advance(6 * DAY)
    pool.api.login("nobody-either", "not the pass phrase")
    pool.clock.advance(DAY + 60)
    until(lambda: left() == [(False, 1), (True, 1)], "the early stranger goes")
    pool.clock.advance(33 * DAY)
    users[1].sign_in()
    until(lambda: left() == [(False, 0), (False, 1)], "the late one goes")
    pool.clock.advance(50 * DAY)
    until(lambda: left() == [(False, 0)], "the address goes")


def insert_expired(database: Database, number: int) -> None:
    """So many sessions and revocations that are over; ids are in the order of
    time, as UUIDv7 are."""
    database.sql(
        "INSERT INTO session (session_id, user_id, seed_hash, refresh_key_id,"
        " generation, credential_tag, created_at, last_used_at, rotated_at,"
        " expires_at, device, ip, user_agent)"
        " SELECT UNHEX(LPAD(HEX(seq), 32, '0')),"
        " UNHEX(LPAD(HEX(seq DIV 5), 32, '0')), REPEAT('x', 32), 1, 1,"
        " 'tagtagta', past, past, past, past, 'device', '192.0.2.1', 'agent'"
        " FROM (SELECT seq, UTC_TIMESTAMP(6) - INTERVAL 1 DAY AS past"
        f" FROM seq_1_to_{number}) made")
    database.sql(
        "INSERT INTO revocation (kind, target, epoch, revoked_at, expires_at)"
        " SELECT 'session', UNHEX(LPAD(HEX(seq), 32, '0')), 0, past, past"
        " FROM (SELECT seq, UTC_TIMESTAMP(6) - INTERVAL 1 DAY AS past"
        f" FROM seq_1_to_{number}) made")


@pytest.mark.slow
def test_a_bulk_while_clients_refresh(deploy: Deploy, own_server: MariaDB
                                      ) -> None:
    """No client ever sees an error: no deadlock, no time-out, no 503."""
    pool = deploy(server=own_server, start=False)
    insert_expired(pool.database, 50_000)
    pool.start()
    users = [pool.user() for _ in range(8)]
    ended = users[0].sign_in()["access_token"]
    assert pool.api.post("/logout", token=ended).status == 204
    done = threading.Event()

    def refresh_on_and_on(user: User) -> int:
        token, rounds = user.sign_in(), 0
        while not done.is_set():
            answer = pool.api.refresh(token["refresh_token"])
            assert answer.status == 200, answer
            token = answer.json
            assert pool.api.verify(token["access_token"]) == 204
            rounds += 1
        return rounds

    with ThreadPoolExecutor(8) as threads:
        clients = [threads.submit(refresh_on_and_on, user) for user in users]
        try:
            until(lambda: any(client.done() for client in clients)
                  or (count(pool.database, "session"),
                      count(pool.database, "revocation")) == (8, 1),
                  "all that is over has gone", 300)
        finally:
            done.set()
        assert all(client.result() > 10 for client in clients)
    assert pool.dead_everywhere(ended)
    assert "deadlock" not in pool.log().lower()
