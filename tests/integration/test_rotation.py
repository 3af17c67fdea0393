"""The rotation table of design §2, row by row, with the clock moved."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from encoding import RefreshToken, decode, encode
from pool import Deploy, Pool, User
from waiting import until

GRACE = 30


@pytest.fixture
def pool(deploy: Deploy) -> Pool:
    return deploy()


@pytest.fixture
def user(pool: Pool) -> User:
    return pool.user()


def row(user: User) -> dict:
    (only,) = user.session_rows()
    return only


def audits(pool: Pool, session: dict) -> list[str]:
    """The events that the audit has about a session."""
    return [found["event"] for found in pool.database.sql(
        "SELECT event FROM audit WHERE session_id = %s ORDER BY audit_id",
        decode(session["session_id"]))]


def refused(pool: Pool, token: str, code: str) -> None:
    answer = pool.api.refresh(token)
    assert (answer.status, answer.code) == (401, code), answer


def ended(pool: Pool, user: User, *tokens: dict) -> None:
    """The session is gone, its access tokens are dead, and it is on record."""
    assert user.session_rows() == []
    for token in tokens:
        assert pool.dead(token["access_token"])
    assert pool.database.one(
        "SELECT COUNT(*) FROM revocation WHERE kind = 'session'"
        " AND target = %s", decode(tokens[0]["session_id"])) >= 1


def test_current_token_rotates(pool: Pool, user: User) -> None:
    first = user.sign_in()
    before = row(user)
    pool.clock.advance(60)
    answer = pool.api.refresh(first["refresh_token"])
    assert answer.status == 200, answer
    second = answer.json
    after = row(user)
    assert after["generation"] == before["generation"] + 1
    assert after["rotated_at"] > before["rotated_at"]
    assert after["last_used_at"] > before["last_used_at"]
    unchanged = before.keys() - {"generation", "rotated_at", "last_used_at"}
    assert all(before[name] == after[name] for name in unchanged)
    assert second["session_id"] == first["session_id"]
    assert second["refresh_token"] != first["refresh_token"]
    old, new = (RefreshToken.read(token["refresh_token"])
                for token in (first, second))
    assert new.generation == old.generation + 1
    assert (new.seed, new.session_id) == (old.seed, old.session_id)
    # Both access tokens are of the same living session.
    assert pool.api.verify(first["access_token"]) == 204
    assert pool.api.verify(second["access_token"]) == 204


def test_parent_within_grace_gives_the_same_successor(
        pool: Pool, user: User) -> None:
    first = user.sign_in()
    second = pool.api.refresh(first["refresh_token"]).json
    before = row(user)
    for seconds in (0, GRACE - 2):
        pool.clock.set(seconds)
        answer = pool.api.refresh(first["refresh_token"])
        assert answer.status == 200, answer
        assert answer.json["refresh_token"] == second["refresh_token"]
        assert answer.json["access_token"] != second["access_token"]
        assert pool.api.verify(answer.json["access_token"]) == 204
    # A retry moves no generation; its write makes sure of what it tells.
    assert {**row(user), "last_used_at": before["last_used_at"]} == before
    answer = pool.api.refresh(second["refresh_token"])
    assert answer.status == 200, answer


def test_parent_after_grace_is_theft(pool: Pool, user: User) -> None:
    first = user.sign_in()
    second = pool.api.refresh(first["refresh_token"]).json
    assert pool.api.verify(second["access_token"]) == 204
    pool.clock.advance(GRACE + 1)
    refused(pool, first["refresh_token"], "refresh_token_reused")
    ended(pool, user, first, second)
    refused(pool, second["refresh_token"], "invalid_refresh_token")
    refused(pool, first["refresh_token"], "invalid_refresh_token")


def test_grandparent_is_theft_even_within_grace(pool: Pool, user: User
                                                ) -> None:
    first = user.sign_in()
    second = pool.api.refresh(first["refresh_token"]).json
    third = pool.api.refresh(second["refresh_token"]).json
    refused(pool, first["refresh_token"], "refresh_token_reused")
    ended(pool, user, first, second, third)


def test_theft_ends_no_other_session(pool: Pool, user: User) -> None:
    stolen, other = user.sign_in(), user.sign_in()
    pool.api.refresh(stolen["refresh_token"])
    pool.clock.advance(GRACE + 1)
    refused(pool, stolen["refresh_token"], "refresh_token_reused")
    assert pool.api.verify(other["access_token"]) == 204
    assert pool.api.refresh(other["refresh_token"]).status == 200


def test_token_of_the_future_ends_nothing(pool: Pool, user: User) -> None:
    """A backup was restored: the client is ahead of the database."""
    first = user.sign_in()
    second = pool.api.refresh(first["refresh_token"]).json
    pool.database.sql("UPDATE session SET generation = generation - 1")
    before, events = row(user), audits(pool, second)
    refused(pool, second["refresh_token"], "invalid_refresh_token")
    assert row(user) == before
    assert len(audits(pool, second)) == len(events) + 1
    assert pool.api.refresh(first["refresh_token"]).status == 200


def test_token_of_another_seed_ends_nothing(pool: Pool, user: User) -> None:
    """A backup was restored: the session in it is not the client's."""
    token = user.sign_in()
    pool.database.sql("UPDATE session SET seed_hash = %s", bytes(32))
    before, events = row(user), audits(pool, token)
    refused(pool, token["refresh_token"], "invalid_refresh_token")
    assert row(user) == before
    assert len(audits(pool, token)) == len(events) + 1


def test_no_row(pool: Pool, user: User) -> None:
    token = user.sign_in()
    pool.database.sql("DELETE FROM session")
    refused(pool, token["refresh_token"], "invalid_refresh_token")


def test_suspended_user(pool: Pool, user: User) -> None:
    token = user.sign_in()
    pool.suspend(user)
    refused(pool, token["refresh_token"], "invalid_refresh_token")
    ended(pool, user, token)


def test_password_changed_by_plain_sql(pool: Pool, user: User) -> None:
    token = user.sign_in()
    pool.database.sql(
        "UPDATE user SET password_hash = CONCAT(password_hash, 'x')")
    refused(pool, token["refresh_token"], "invalid_refresh_token")
    ended(pool, user, token)


def test_expired_and_idle(deploy: Deploy) -> None:
    pool = deploy(session_lifetime=10000, session_idle_timeout=4000,
                  renew_window=1000)
    idle = pool.user().sign_in()
    busy = pool.user().sign_in()
    for _ in range(2):
        pool.clock.advance(3999)
        answer = pool.api.refresh(busy["refresh_token"])
        assert answer.status == 200, answer
        busy = answer.json
    refused(pool, idle["refresh_token"], "invalid_refresh_token")
    # Used all the time, and yet over: rotation never extends the lifetime.
    assert busy["refresh_expires_in"] <= 10000 - 2 * 3999
    pool.clock.set(10001)
    refused(pool, busy["refresh_token"], "invalid_refresh_token")


def test_grace_is_at_most_a_quarter_of_the_access_token_lifetime(
        deploy: Deploy) -> None:
    pool = deploy(access_token_lifetime=40, refresh_grace=30)
    user = pool.user()
    first = user.sign_in()
    second = pool.api.refresh(first["refresh_token"]).json
    pool.clock.advance(9)
    answer = pool.api.refresh(first["refresh_token"])
    assert answer.json["refresh_token"] == second["refresh_token"]
    pool.clock.advance(2)
    refused(pool, first["refresh_token"], "refresh_token_reused")


def test_no_grace(deploy: Deploy) -> None:
    pool = deploy(refresh_grace=0)
    first = pool.user().sign_in()
    assert pool.api.refresh(first["refresh_token"]).status == 200
    pool.clock.advance(1)
    refused(pool, first["refresh_token"], "refresh_token_reused")


def test_parallel_refreshes_have_one_successor(deploy: Deploy) -> None:
    """I1, I3.  The row is locked until every worker has read the generation
    and waits to swap it, so that all of them do compete."""
    pool = deploy(workers=8)
    user = pool.user()
    first = user.sign_in()
    before = row(user)
    with (pool.database.connect() as connection, connection.cursor() as lock,
          ThreadPoolExecutor(50) as threads):
        connection.begin()
        lock.execute("SELECT generation FROM session FOR UPDATE")
        refreshing = [threads.submit(pool.api.refresh, first["refresh_token"])
                      for _ in range(50)]
        until(lambda: pool.database.server.status(
            "Innodb_row_lock_current_waits") == 8, "eight wait to swap")
        connection.commit()
    answers = [future.result() for future in refreshing]
    assert {answer.status for answer in answers} == {200}
    successors = {answer.json["refresh_token"] for answer in answers}
    assert len(successors) == 1
    assert row(user)["generation"] == before["generation"] + 1
    (successor,) = successors
    assert pool.api.refresh(successor).status == 200


@pytest.mark.parametrize("part", ["key_id", "session_id", "generation",
                                  "seed", "mac"])
def test_no_part_of_a_token_can_be_changed(pool: Pool, user: User, part: str
                                           ) -> None:
    good = user.sign_in()["refresh_token"]
    token = RefreshToken.read(good)
    value = getattr(token, part)
    setattr(token, part, value ^ 1 if isinstance(value, int)
            else bytes([value[0] ^ 1]) + value[1:])
    refused(pool, token.text(), "invalid_refresh_token")
    assert pool.api.refresh(good).status == 200


def test_only_the_canonical_text_of_a_token_is_taken(pool: Pool, user: User
                                                     ) -> None:
    good = user.sign_in()
    token = good["refresh_token"]
    for other in (token + "=", token + " ", " " + token, token[:-1],
                  token + "A", token.replace("lkr1_", "lkr2_"),
                  token.replace("lkr1_", "LKR1_"), token[5:], "",
                  encode(b"x" * 72), good["access_token"]):
        refused(pool, other, "invalid_refresh_token")
    assert pool.api.refresh(token).status == 200
