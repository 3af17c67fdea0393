"""Clock steps (I9): whatever a clock does, no token revives."""

import pytest

from daemon import halted
from endings import ENDINGS, Ending
from pool import Deploy, Pool
from waiting import until

HOUR = 3600


@pytest.fixture
def pool(deploy: Deploy) -> Pool:
    return deploy()


def revocations(pool: Pool) -> int:
    return pool.database.one(
        "SELECT COUNT(*) FROM revocation WHERE kind <> 'all'")


def never_alive_until_ready(pool: Pool, *tokens: str) -> None:
    """Asks all the while until the pool is ready."""
    seen = set()
    until(lambda: seen.update(map(pool.api.verify, tokens))
          or pool.api.ready(), "the step has been met")
    assert seen <= {401, 503}, seen
    for token in tokens:
        assert pool.dead_everywhere(token)


@pytest.mark.parametrize("end", ENDINGS)
def test_an_hour_forward_and_back_with_a_purge_between(
        pool: Pool, end: Ending) -> None:
    user = pool.user()
    ended, living = user.sign_in(), pool.user().sign_in()
    end(pool, user, ended)
    pool.clock.set(HOUR)
    assert pool.dead(living["access_token"]), "expired"
    between = pool.api.refresh(living["refresh_token"]).json
    until(lambda: revocations(pool) == 0, "the purge")
    pool.clock.set(0)
    never_alive_until_ready(pool, *(token["access_token"] for token in (
        ended, living, between)))
    assert pool.api.refresh(ended["refresh_token"]).status == 401
    # The session lives, and so do tokens made from now on.
    fresh = pool.api.refresh(between["refresh_token"])
    assert fresh.status == 200, fresh
    assert pool.alive_everywhere(fresh.json["access_token"])
    assert pool.dead_everywhere(living["access_token"])


def test_again_and_again(pool: Pool) -> None:
    tokens = []
    for _ in range(3):
        token = pool.user().sign_in()["access_token"]
        assert pool.alive_everywhere(token)
        tokens.append(token)
        pool.clock.set(HOUR)
        assert pool.dead(token)
        pool.clock.set(0)
        never_alive_until_ready(pool, *tokens)


def test_nothing_is_said_until_the_step_has_been_met(pool: Pool) -> None:
    user = pool.user()
    token = user.sign_in()
    assert pool.alive_everywhere(token["access_token"])
    with halted(pool.housekeeper()):
        pool.clock.set(-301 - 5)
        assert set(pool.verify_everywhere(token["access_token"])) == {503}
        for answer in (pool.api.refresh(token["refresh_token"]),
                       pool.api.login(user.login, user.password),
                       pool.api.get("/account", token["access_token"]),
                       pool.api.get("/ready")):
            assert answer.status == 503, answer
        assert pool.api.get("/health").status == 200
    never_alive_until_ready(pool, token["access_token"])
    fresh = pool.api.refresh(token["refresh_token"])
    assert fresh.status == 200, fresh
    for alive in (fresh.json, user.sign_in()):
        assert pool.alive_everywhere(alive["access_token"])
    assert pool.database.one("SELECT global_epoch FROM deployment") == 1
    assert pool.database.one(
        "SELECT COUNT(*) FROM audit WHERE event = 'clock_set_back'") == 1


def test_a_small_step_disturbs_nobody(pool: Pool) -> None:
    user = pool.user()
    ended, living = user.sign_in(), user.sign_in()
    pool.api.post("/logout", token=ended["access_token"])
    expired = pool.user().sign_in()["access_token"]
    for offset in (100, -100, 100, 0):
        pool.clock.set(offset)
        assert pool.alive_everywhere(living["access_token"])
        assert pool.dead_everywhere(ended["access_token"])
    pool.clock.set(310)
    assert pool.dead_everywhere(expired)
    for offset in (200, 20):
        pool.clock.set(offset)
        assert pool.dead_everywhere(expired), "what has expired stays so"
    assert pool.database.one("SELECT global_epoch FROM deployment") == 0


def test_a_step_while_the_pool_is_down(pool: Pool) -> None:
    """The database remembers what time it was."""
    user = pool.user()
    ended, living = user.sign_in(), user.sign_in()
    pool.api.post("/logout", token=ended["access_token"])
    pool.clock.set(HOUR)
    until(lambda: revocations(pool) == 0, "the purge")
    later = pool.api.refresh(living["refresh_token"]).json
    until(lambda: pool.database.one(
        "SELECT clock_seen > UTC_TIMESTAMP() + INTERVAL 50 MINUTE"
        " FROM deployment"), "the time is noted")
    assert pool.daemon.stop() == 0
    pool.clock.set(0)
    pool.daemon.spawn()
    until(pool.complete, "all processes")
    tokens = [token["access_token"] for token in (ended, living, later)]
    never_alive_until_ready(pool, *tokens)
    fresh = pool.api.refresh(later["refresh_token"]).json
    assert pool.alive_everywhere(fresh["access_token"])


def test_the_other_node_kept_its_clock(deploy: Deploy) -> None:
    one = deploy()
    two = deploy(beside=one)
    user = one.user()
    token = user.sign_in()
    with halted(one.housekeeper()):
        one.clock.set(-HOUR)
        assert set(one.verify_everywhere(token["access_token"])) == {503}
        assert two.alive_everywhere(token["access_token"])
    never_alive_until_ready(one, token["access_token"])
    until(lambda: two.dead(token["access_token"]), "the feed brings it")
    for node in (one, two):
        fresh = node.api.login(user.login, user.password).json
        assert node.alive_everywhere(fresh["access_token"])
