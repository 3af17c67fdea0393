"""Checks without MariaDB and without the housekeeper (I6): they go on from the
index for max_staleness, end in 503, never in a "valid", and are well again by
themselves."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from daemon import halted
from mariadb import MariaDB
from pool import Deploy, Pool
from waiting import until

STALE = 1


@pytest.fixture
def pool(deploy: Deploy, own_server: MariaDB) -> Pool:
    return deploy(server=own_server, max_staleness=STALE)


@contextmanager
def stopped(pool: Pool) -> Iterator[None]:
    pool.database.server.stop()
    try:
        yield
    finally:
        pool.database.server.start()


@contextmanager
def hanging(pool: Pool) -> Iterator[None]:
    with halted(pool.database.server.daemon.process.pid):
        yield


@contextmanager
def without_housekeeper(pool: Pool) -> Iterator[None]:
    with halted(pool.housekeeper()):
        yield


@pytest.mark.parametrize("fault", [stopped, hanging, without_housekeeper])
def test_past_max_staleness(pool: Pool, fault: Callable) -> None:
    user = pool.user("editor")
    ended, living = (user.sign_in()["access_token"] for _ in range(2))
    assert pool.api.post("/logout", token=ended).status == 204
    with fault(pool):
        seen = set()
        until(lambda: seen.add(pool.api.verify(living)) or 503 in seen,
              "the index is stale")
        assert seen <= {204, 503}
        for path in ("/verify", "/verify/editor"):
            assert set(pool.verify_everywhere(living, path)) == {503}
            assert set(pool.verify_everywhere(ended, path)) == {503}
        assert pool.api.get("/ready").status == 503
        # What needs to know nothing about revocations goes on.
        assert pool.api.get("/health").status == 200
        assert pool.api.get("/.well-known/jwks.json").json["keys"]
        assert pool.metrics()["latchkey_feed_lag_seconds"] > STALE
        assert pool.api.verify(living + "x") == 401
    until(pool.api.ready, "well by itself")
    assert pool.alive_everywhere(living)
    assert pool.dead_everywhere(ended)
    assert pool.metrics()["latchkey_feed_lag_seconds"] <= STALE


def test_revoked_meanwhile_elsewhere(pool: Pool) -> None:
    """The housekeeper stands still and another road ends the session: from
    the first good answer on, the token is dead."""
    user = pool.user()
    token = user.sign_in()["access_token"]
    with without_housekeeper(pool):
        pool.ctl("user", "roles", user.login, "editor")
        until(lambda: pool.api.verify(token) == 503, "the index is stale")
    seen = set()
    until(lambda: seen.add(pool.api.verify(token)) or 401 in seen,
          "it is fed again")
    assert seen <= {401, 503}


def test_own_endings_need_no_housekeeper(deploy: Deploy) -> None:
    pool = deploy()
    token = pool.user().sign_in()["access_token"]
    with halted(pool.housekeeper()):
        assert pool.alive_everywhere(token)
        assert pool.api.post("/logout", token=token).status == 204
        assert pool.dead_everywhere(token)


def test_killed_housekeeper_is_replaced(deploy: Deploy) -> None:
    pool = deploy()
    user = pool.user()
    ended, living = (user.sign_in()["access_token"] for _ in range(2))
    pool.api.post("/logout", token=ended)
    for deaths in range(1, 4):
        old = pool.housekeeper()
        os.kill(old, signal.SIGKILL)
        until(lambda: pool.housekeeper() != old, "another one")
        # The index has outlived it.
        assert pool.dead_everywhere(ended)
        assert pool.alive_everywhere(living)
        assert pool.metrics()[
            'latchkey_restarts_total{process="housekeeper"}'] == deaths
    pool.ctl("user", "roles", user.login, "editor")
    until(lambda: pool.dead(living), "the new one feeds")


def test_workers_that_never_reached_mariadb(deploy: Deploy,
                                            own_server: MariaDB) -> None:
    """They start while it is away: the board has the keys, the index the
    revocations."""
    pool = deploy(server=own_server, max_staleness=3600)
    user = pool.user()
    ended, living = (user.sign_in()["access_token"] for _ in range(2))
    assert pool.api.post("/logout", token=ended).status == 204
    own_server.stop()
    before = pool.workers()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: pool.complete() and not set(before) & set(pool.workers()),
          "other workers")
    assert pool.alive_everywhere(living)
    assert pool.dead_everywhere(ended)
    assert pool.api.get("/account", token=living).status == 503
