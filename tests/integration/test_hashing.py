"""The bulkhead of password hashing (design §5; ASVS 15.2.2): so many at once
over all workers and endpoints, and room for everything else beside them."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

import fcgi
import prometheus
from api import Answer
from pool import PASSWORD, Deploy, Pool, User
from waiting import until

HASHING, WANTED = "latchkey_hashing", "latchkey_hashing_wanted"
WRONG = "not the pass phrase"


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(40) as executor:
        yield executor


def metrics(pool: Pool) -> dict[str, float]:
    """By the verify pool, if there is one, past the web server."""
    text = fcgi.call(pool.verify_socket, "GET", "/auth/metrics").body.decode()
    return prometheus.samples(text)


def is_idle(pool: Pool) -> bool:
    found = metrics(pool)
    return found[HASHING] == found[WANTED] == 0


# ---- what is behind it ------------------------------------------------------

def login(user: User, token: dict) -> Answer:
    return user.pool.api.login(user.login, PASSWORD)


def wrong_login(user: User, token: dict) -> Answer:
    return user.pool.api.login(user.login, WRONG)


def unknown_login(user: User, token: dict) -> Answer:
    return user.pool.api.login(f"nobody-{user.login}", PASSWORD)


def signup(user: User, token: dict) -> Answer:
    return user.pool.api.signup(f"new-{user.login}", PASSWORD)


def password(user: User, token: dict) -> Answer:
    return user.pool.api.post("/password", {
        "current_password": PASSWORD, "new_password": "quite another phrase"},
        token=token["access_token"])


def deletion(user: User, token: dict) -> Answer:
    return user.pool.api.call("DELETE", "/account", {"password": PASSWORD},
                              token=token["access_token"])


CALLS: list[tuple[Callable[[User, dict], Answer], int]] = [
    (login, 200), (wrong_login, 401), (unknown_login, 401), (signup, 201),
    (password, 200), (deletion, 204)]


@pytest.fixture(scope="module")
def small(deploy_module: Deploy) -> Pool:
    """One turn for all that hash."""
    return deploy_module(workers=4, hash_concurrency=1)


@pytest.mark.parametrize("call, status", CALLS)
def test_each_call_takes_a_turn(
        small: Pool, threads: ThreadPoolExecutor,
        call: Callable[[User, dict], Answer], status: int) -> None:
    """While it has the only one, nobody else gets one; and who is refused has
    changed nothing."""
    holder, others = small.user(), [small.user() for _ in CALLS]
    token, tokens = holder.sign_in(), [user.sign_in() for user in others]
    users = small.database.one("SELECT COUNT(*) FROM user")
    with small.point("hashing") as point:
        held = threads.submit(call, holder, token)
        point.reached()
        found = metrics(small)
        assert (found[HASHING], found[WANTED]) == (1, 1)
        for (other, _), user, other_token in zip(CALLS, others, tokens):
            refused = other(user, other_token)
            assert (refused.status, refused.code) == (503, "unavailable")
            assert int(refused.headers["Retry-After"]) >= 1
        assert metrics(small)[HASHING] == 1
        assert small.database.one("SELECT COUNT(*) FROM user") == users
    assert held.result().status == status
    assert is_idle(small)
    for (other, expected), user, other_token in zip(CALLS, others, tokens):
        assert small.api.verify(other_token["access_token"]) == 204
        assert other(user, other_token).status == expected


def test_never_more_at_once(deploy: Deploy, threads: ThreadPoolExecutor
                            ) -> None:
    """Sampled during a flood of all that hash."""
    pool = deploy(workers=8, hash_concurrency=2, argon2_memory_kib=8192,
                  argon2_time=2)
    users = [pool.user() for _ in range(10)]
    tokens = [user.sign_in() for user in users]
    living = pool.user().sign_in()["access_token"]
    done = threading.Event()

    def sample() -> list[float]:
        seen = []
        while not done.is_set():
            seen.append(metrics(pool)[HASHING])
        return seen

    def flood(number: int) -> Answer:
        call, _ = CALLS[number % len(CALLS)]
        return call(users[number % 10], tokens[number % 10])

    with pool.point("hashing") as point:
        calls = [threads.submit(flood, number) for number in range(6)]
        point.reached()
        until(lambda: metrics(pool)[HASHING] == 2, "two have their turn")
        assert pool.api.verify(living) == 204
    for call in calls:
        call.result()
    sampler = threads.submit(sample)
    try:
        calls = [threads.submit(flood, number) for number in range(120)]
        while not all(call.done() for call in calls):
            assert pool.api.verify(living) == 204
    finally:
        done.set()
    assert max(sampler.result()) <= 2
    assert {call.result().status for call in calls} <= {
        200, 201, 204, 401, 403, 409, 429, 503}
    assert is_idle(pool)


# ---- who dies, who waits ----------------------------------------------------

def test_turns_of_killed_workers_come_back(deploy: Deploy,
                                           threads: ThreadPoolExecutor
                                           ) -> None:
    pool = deploy(workers=3, hash_concurrency=1)
    user = pool.user()
    for call, _ in CALLS[:5]:
        token = user.sign_in()
        with pool.point("hashing") as point:
            lost: Future[Answer] = threads.submit(died, call, user, token)
            worker = point.reached()
            assert metrics(pool)[HASHING] == 1
            os.kill(worker, signal.SIGKILL)
            assert lost.result() is None
            until(lambda: is_idle(pool), "the master takes it back")
        until(pool.serves, "another worker in its place")
        assert login(user, token).status == 200
    assert is_idle(pool)


def died(call: Callable[[User, dict], Answer], user: User, token: dict
         ) -> Answer | None:
    """None: the answer is the web server's, whose backend has gone."""
    try:
        return call(user, token)
    except AssertionError:
        return None


def test_who_waits_gets_the_next_turn(deploy: Deploy,
                                      threads: ThreadPoolExecutor) -> None:
    """More than there are turns, fewer than would wait in vain."""
    pool = deploy(workers=6, hash_concurrency=1)
    user = pool.user()
    answers = threads.map(lambda _: user.sign_in(), range(20))
    assert len({answer["session_id"] for answer in answers}) == 20


# ---- the last free worker ---------------------------------------------------

@pytest.mark.parametrize("settings", [{}, {"verify_listen": ""}],
                         ids=["two pools", "one pool"])
def test_last_free_worker_does_not_hash(
        deploy: Deploy, threads: ThreadPoolExecutor, settings: dict) -> None:
    pool = deploy(workers=3, hash_concurrency=8, **settings)
    user = pool.user()
    token = user.sign_in()
    with pool.point("hashing") as point:
        held = [threads.submit(login, user, {}) for _ in range(2)]
        point.reached()
        until(lambda: metrics(pool)[HASHING] == 2, "all but one hash")
        flood = [threads.submit(login, user, {}) for _ in range(10)]
        for _ in range(20):
            assert pool.api.verify(token["access_token"]) == 204
        for refused in flood:
            assert refused.result().status == 503
        assert metrics(pool)[HASHING] == 2
    assert [call.result().status for call in held] == [200, 200]
    assert login(user, {}).status == 200
    assert is_idle(pool)


def sleeps(pid: int) -> int:
    """How often a process has given up its processor by itself."""
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text()
               .splitlines() if line.startswith("voluntary_ctxt_switches:")]
    return int(line.split()[1])


@pytest.mark.parametrize("call", [call for call, _ in CALLS])
def test_last_free_worker_of_one_pool_does_not_wait(
        deploy: Deploy, threads: ThreadPoolExecutor,
        call: Callable[[User, dict], Answer]) -> None:
    """A wait is a thousand naps of half a millisecond."""
    pool = deploy(verify_listen="", workers=2)
    user = pool.user()
    token = user.sign_in()
    with pool.point("hashing") as point:
        held = threads.submit(login, user, token)
        (free,) = set(pool.workers()) - {point.reached()}
        before = sleeps(free)
        for _ in range(10):
            assert call(user, token).status == 503
        assert sleeps(free) - before < 10 * 20
    assert held.result().status == 200


def test_one_worker_does_all(deploy: Deploy) -> None:
    pool = deploy(verify_listen="", workers=1)
    user = pool.user()
    token = user.sign_in()
    assert pool.api.verify(token["access_token"]) == 204
    assert password(user, token).status == 200
