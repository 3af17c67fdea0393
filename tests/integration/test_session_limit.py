"""The session limit (design §3, I4): never exceeded, and the session that was
used least recently goes first."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pool import Deploy, Pool, User

LIMIT = 5


@pytest.fixture
def user(pool: Pool) -> User:
    return pool.user()


def test_the_least_recently_used_session_goes(pool: Pool, user: User) -> None:
    tokens = [user.sign_in() for _ in range(LIMIT)]
    assert all("evicted" not in token for token in tokens)
    tokens[0] = pool.api.refresh(tokens[0]["refresh_token"]).json
    newest = user.sign_in()
    victim = tokens.pop(1)
    assert newest["evicted"] == [victim["session_id"]]
    assert pool.dead(victim["access_token"])
    answer = pool.api.refresh(victim["refresh_token"])
    assert (answer.status, answer.code) == (401, "invalid_refresh_token")
    for token in [*tokens, newest]:
        assert pool.api.verify(token["access_token"]) == 204
    assert len(user.session_rows()) == LIMIT


def test_renewing_is_use(pool: Pool, user: User) -> None:
    tokens = [user.sign_in() for _ in range(LIMIT)]
    answer = pool.api.post("/renew", token=tokens[0]["access_token"])
    assert answer.status == 200, answer
    assert user.sign_in()["evicted"] == [tokens[1]["session_id"]]


def test_evicts_down_to_a_lowered_limit(pool: Pool, user: User) -> None:
    tokens = [user.sign_in() for _ in range(LIMIT)]
    pool.database.sql("UPDATE user SET session_limit = 2 WHERE login = %s",
                      user.login)
    newest = user.sign_in()
    assert sorted(newest["evicted"]) == sorted(
        token["session_id"] for token in tokens[:4])
    assert len(user.session_rows()) == 2
    assert pool.api.verify(tokens[4]["access_token"]) == 204


def test_other_users_sessions_do_not_count(pool: Pool, user: User) -> None:
    other = pool.user()
    for _ in range(LIMIT):
        user.sign_in()
    assert "evicted" not in other.sign_in()


def test_dead_sessions_do_not_count(deploy: Deploy) -> None:
    pool = deploy(session_idle_timeout=4000)
    user = pool.user()
    for _ in range(LIMIT):
        user.sign_in()
    pool.clock.advance(4001)
    assert "evicted" not in user.sign_in()
    assert len(user.session_rows()) == 1


def test_parallel_logins_never_exceed_the_limit(deploy: Deploy) -> None:
    """I4: sampled by another connection all the while."""
    pool = deploy(workers=8)
    user = pool.user()
    done = threading.Event()
    seen: list[int] = []

    def sample() -> None:
        with (pool.database.connect() as connection,
              connection.cursor() as cursor):
            while not done.is_set():
                cursor.execute("SELECT COUNT(*) AS n FROM session")
                seen.append(cursor.fetchone()["n"])

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        with ThreadPoolExecutor(40) as threads:
            tokens = list(threads.map(lambda _: user.sign_in(), range(40)))
    finally:
        done.set()
        sampler.join()
    assert len(seen) >= 40, "sampled while logins ran"
    assert max(seen) <= LIMIT
    alive = {row["session_id"] for row in user.session_rows()}
    assert len(alive) == LIMIT
    evicted = [session for token in tokens
               for session in token.get("evicted", [])]
    assert len(evicted) == len(set(evicted)) == 40 - LIMIT
    for token in tokens:
        status = pool.api.verify(token["access_token"])
        assert status == (401 if token["session_id"] in evicted else 204)
