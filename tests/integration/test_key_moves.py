"""Moves of keys that many try at once, or that break off in the middle: each
is made whole, once, or not at all."""

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from api import moment
from keyring import (LEAD, active, dies_everywhere, follows, hurry,
                     in_database, kid_of, listed, ring_version, rotate, states)
from pool import CTL, Deploy, Pool
from waiting import until

DAY = 86400


def start_rotation(pool: Pool, *options: str) -> subprocess.Popen:
    return subprocess.Popen(
        [CTL, "-c", pool.config, "keys", "rotate", *options],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, **pool.env})


def test_two_rotations_at_once(deploy: Deploy) -> None:
    """Both are done with the same key."""
    pool = deploy(start=False)
    for _ in range(3):
        before = len(states(pool))
        with ThreadPoolExecutor(4) as threads:
            found = [thread.result()["kid"] for thread in [
                threads.submit(rotate, pool) for _ in range(4)]]
        assert set(found) == {active(pool)["kid"]}
        assert len(states(pool)) == before + 1
        assert states(pool).count("retired") == before


def test_rotations_of_all_kinds_at_once(deploy: Deploy) -> None:
    """Everybody's move comes to pass, and the ring is in order."""
    one = deploy(feed_interval_ms=50)
    two = deploy(beside=one, feed_interval_ms=50)
    user = one.user()
    tokens = [user.sign_in() for _ in range(2)]
    with ThreadPoolExecutor(4) as threads:
        for thread in [threads.submit(rotate, pool, *options)
                       for pool in (one, two) for options in (
                           ["--alg", "EdDSA"], ["--refresh"])]:
            thread.result()
    assert states(one).count("active") == 1 == states(
        one, "refresh").count("active")
    assert "standby" not in states(one) + states(one, "refresh")
    assert active(one)["alg"] == "EdDSA"
    follows(one, two)
    for node in (one, two):
        for token in tokens:
            assert node.alive_everywhere(token["access_token"])
    for node, token in zip((one, two), tokens):
        assert node.api.refresh(token["refresh_token"]).status == 200


def waits_for_the_ring(pool: Pool) -> bool:
    """Whether a move waits for another one's to end."""
    return pool.database.one(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE db = %s"
        " AND command = 'Execute' AND info LIKE 'UPDATE deployment SET ring%%'",
        pool.database.name) > 0


def test_moves_of_others_hold_up_nobody(deploy: Deploy) -> None:
    """What has been published is not published anew when the ring moves."""
    pool = deploy()
    process = start_rotation(pool)

    def ended_meanwhile() -> bool:
        pool.database.sql(
            "UPDATE deployment SET ring_version = ring_version + 1")
        follows(pool)
        return process.poll() is not None

    until(ended_meanwhile, "the rotation is done")
    assert process.returncode == 0
    assert states(pool) == ["retired", "active"]


def test_two_schedules_make_one_key(deploy: Deploy) -> None:
    """The second stands before the same ring, and finds it moved."""
    one = deploy(key_rotation=DAY)
    two = deploy(beside=one, key_rotation=DAY)
    with one.point("key_move") as first, two.point("key_move") as second:
        two.clock.advance(DAY - LEAD + 1)
        one.clock.advance(DAY - LEAD + 1)
        hurry(one)
        hurry(two)
        until(lambda: first.reached_path.exists()
              or second.reached_path.exists(), "one of them moves the ring")
        until(lambda: waits_for_the_ring(two), "the other one comes, too")
    until(lambda: states(one, "refresh") == ["active", "standby"],
          "both kinds are made")
    assert states(one) == ["active", "standby"]
    for node in (one, two):
        node.clock.advance(LEAD)
    for node in (one, two):
        hurry(node)
    for kind in ("signing", "refresh"):
        until(lambda: states(one, kind) == ["retired", "active"],
              "it is used")
    # Each move was made once.
    moves = one.database.one(
        "SELECT COUNT(*) FROM audit WHERE event LIKE 'key_%%'")
    assert moves == 2 + 4


@pytest.mark.parametrize("options", [[], ["--revoke"], ["--refresh"]])
def test_killed_within_a_move(deploy: Deploy, options: list[str]) -> None:
    pool = deploy(start=False)
    before, version = listed(pool), in_database(pool)
    with pool.point("key_move") as held:
        process = start_rotation(pool, *options)
        held.reached()
        process.kill()
        process.wait()
    assert listed(pool) == before
    assert in_database(pool) == version
    rotate(pool, *options)
    kind = "refresh" if "--refresh" in options else "signing"
    assert states(pool, kind) == (
        ["active"] if "--revoke" in options else ["retired", "active"])


@pytest.mark.parametrize("options", [[], ["--revoke"], ["--refresh"]])
def test_killed_between_the_moves(deploy: Deploy, options: list[str]) -> None:
    """The key is on its way, and others bring it home."""
    pool = deploy()
    token = pool.user().sign_in()
    with pool.point("key_standby") as held:
        process = start_rotation(pool, *options)
        held.reached()
        process.kill()
        process.wait()
    hurry(pool)
    kind = "refresh" if "--refresh" in options else "signing"
    until(lambda: states(pool, kind) == (
        ["active"] if "--revoke" in options else ["retired", "active"]),
        "a purger completes it")
    follows(pool)
    if "--revoke" in options:
        dies_everywhere(pool, token["access_token"])
    else:
        assert pool.alive_everywhere(token["access_token"])
    assert pool.api.refresh(token["refresh_token"]).status == 200


def test_published_before_it_signs(deploy: Deploy) -> None:
    """For four intervals of the feed, however late the activation comes."""
    pool = deploy()
    old = kid_of(pool.user().sign_in()["access_token"])
    with pool.point("key_standby") as held:
        process = start_rotation(pool)
        held.reached()
        follows(pool)
        keys = pool.api.get("/.well-known/jwks.json").json["keys"]
        assert len(keys) == 2 and keys[0]["kid"] == old
        assert kid_of(pool.user().sign_in()["access_token"]) == old
    assert process.wait(60) == 0
    key = active(pool)
    assert moment(key["activated_at"]) - moment(key["created_at"]
                                                ) >= timedelta(seconds=0.8)
    follows(pool)
    assert kid_of(pool.user().sign_in()["access_token"]) == keys[1]["kid"]


def test_taken_back(deploy: Deploy) -> None:
    """Who asked for it is told."""
    pool = deploy(start=False)
    old = active(pool)
    with pool.point("key_standby") as held:
        process = start_rotation(pool)
        held.reached()
        (standby,) = [key for key in listed(pool)
                      if key["state"] == "standby"]
        pool.ctl("keys", "retire", standby["kid"])
    assert process.wait(60) == 1
    assert active(pool) == old


def test_worker_that_dies_within_a_rotation(deploy: Deploy) -> None:
    pool = deploy(workers=2)
    token = pool.user("admin").sign_in()["access_token"]
    with ThreadPoolExecutor() as threads:
        with pool.point("key_standby") as held:
            answer = threads.submit(pool.api.raw, "POST",
                                    "/auth/admin/keys/rotate", b"", {
                                        "Authorization": f"Bearer {token}"})
            held.reached()
            pid = int(held.reached_path.read_text())
            os.kill(pid, signal.SIGKILL)
        assert answer.result().status >= 500
    hurry(pool)
    until(lambda: states(pool) == ["retired", "active"], "it is completed")


def test_ring_that_cannot_be_read(deploy: Deploy) -> None:
    """Somebody alters a row under a running pool: what it knows serves until
    it is too old, and then it says nothing rather than something wrong."""
    pool = deploy(max_staleness=1)
    token = pool.user().sign_in()["access_token"]
    rotate(pool, "--refresh")
    version = ring_version(pool)
    pool.database.sql("UPDATE refresh_key SET retired_at = NOW()"
                      " WHERE state = 'retired'")
    pool.database.sql("UPDATE deployment SET ring_version = ring_version + 1")
    seen = set()
    until(lambda: seen.add(pool.api.verify(token)) or 503 in seen,
          "it is too old")
    assert seen <= {204, 503}
    assert set(pool.verify_everywhere(token)) == {503}
    assert "master key does not open it" in pool.log()
    assert pool.daemon.check_alive() and ring_version(pool) == version
    pool.database.sql("DELETE FROM refresh_key WHERE state = 'retired'")
    until(lambda: pool.alive_everywhere(token), "it is well by itself")
