"""Races, taken apart: the code is held at a named point (lib/test_point.h)
while the facts change underneath it."""

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from api import Answer
from encoding import RefreshToken
from pool import Deploy, Pool, User
from waiting import until


def generation_of(token: dict) -> int:
    return RefreshToken.read(token["refresh_token"]).generation


@pytest.fixture
def pool(deploy: Deploy) -> Pool:
    return deploy(workers=2)


@pytest.fixture
def user(pool: Pool) -> User:
    return pool.user()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as executor:
        yield executor


def login_held(pool: Pool, user: User, threads: ThreadPoolExecutor,
               change: str) -> Answer:
    """Changes the user by SQL while a login has checked the password and has
    not begun its transaction."""
    with pool.point("login_checked") as point:
        answer = threads.submit(pool.api.login, user.login, user.password)
        point.reached()
        pool.database.sql(change, user.login)
    return answer.result()


def refresh_held(pool: Pool, threads: ThreadPoolExecutor, token: dict
                 ) -> "Future[Answer]":
    return threads.submit(pool.api.refresh, token["refresh_token"])


def test_password_changes_while_a_login_checks_it(
        pool: Pool, user: User, threads: ThreadPoolExecutor) -> None:
    answer = login_held(
        pool, user, threads,
        "UPDATE user SET password_hash = CONCAT(password_hash, 'x')"
        " WHERE login = %s")
    assert (answer.status, answer.code) == (401, "invalid_credentials")
    assert user.session_rows() == []


def test_user_is_suspended_while_a_login_checks_the_password(
        pool: Pool, user: User, threads: ThreadPoolExecutor) -> None:
    answer = login_held(
        pool, user, threads,
        "UPDATE user SET status = 'suspended' WHERE login = %s")
    assert (answer.status, answer.code) == (403, "account_suspended")
    assert user.session_rows() == []


def test_user_is_deleted_while_a_login_checks_the_password(
        pool: Pool, user: User, threads: ThreadPoolExecutor) -> None:
    answer = login_held(pool, user, threads,
                        "DELETE FROM user WHERE login = %s")
    assert (answer.status, answer.code) == (401, "invalid_credentials")
    assert pool.database.one("SELECT COUNT(*) FROM session") == 0


def test_roles_change_between_read_and_swap(
        pool: Pool, user: User, threads: ThreadPoolExecutor) -> None:
    """I8: no access token made from the old roles outlives the change."""
    pool.ctl("user", "roles", user.login, "editor")
    token = user.sign_in()
    with pool.point("refresh_read") as point:
        refreshing = refresh_held(pool, threads, token)
        point.reached()
        pool.ctl("user", "roles", user.login, "reader")
    answer = refreshing.result()
    assert answer.status == 200, answer
    for old in (answer.json, token):
        until(lambda: pool.dead(old["access_token"]), "the feed brings it")
    again = pool.api.refresh(answer.json["refresh_token"])
    assert again.status == 200, again
    verified = pool.api.get("/verify", again.json["access_token"])
    assert verified.status == 204, verified
    assert verified.headers["X-Auth-Roles"] == "reader"


@pytest.mark.parametrize("point_name", ["refresh_read", "refresh_rotated"])
def test_session_ends_while_it_is_refreshed(
        pool: Pool, user: User, threads: ThreadPoolExecutor, point_name: str
        ) -> None:
    token = user.sign_in()
    with pool.point(point_name) as point:
        refreshing = refresh_held(pool, threads, token)
        point.reached()
        gone = pool.api.post("/logout", token=token["access_token"])
        assert gone.status == 204, gone
    answer = refreshing.result()
    if point_name == "refresh_read":
        assert (answer.status, answer.code) == (401, "invalid_refresh_token")
    else:
        assert answer.status == 200, answer
        assert pool.dead(answer.json["access_token"])
        assert pool.api.refresh(
            answer.json["refresh_token"]).status == 401
    assert user.session_rows() == []


def test_loser_of_the_swap_gives_the_winners_successor(
        pool: Pool, user: User, threads: ThreadPoolExecutor) -> None:
    """Both have read the same generation; one is held and swaps too late."""
    token = user.sign_in()
    with pool.point("refresh_read") as point:
        loser = refresh_held(pool, threads, token)
        point.reached()
        # Whoever comes now is held as well, until the file has gone; so the
        # winner is the one that swaps by SQL exactly as lib/refresh.c does.
        pool.database.sql("UPDATE session SET generation = generation + 1")
    answer = loser.result()
    assert answer.status == 200, answer
    (row,) = user.session_rows()
    assert row["generation"] == 1 + generation_of(token)
    assert generation_of(answer.json) == row["generation"]


@pytest.mark.parametrize("point_name, steps", [
    ("refresh_read", 0), ("refresh_rotated", 1)])
def test_worker_dies_in_the_middle_of_a_refresh(
        deploy: Deploy, threads: ThreadPoolExecutor, point_name: str,
        steps: int) -> None:
    """I3: the answer is lost, the retry gets the one successor."""
    pool = deploy(workers=1)
    user = pool.user()
    token = user.sign_in()
    (before,) = user.session_rows()
    with pool.point(point_name) as point:
        lost = threads.submit(
            pool.api.raw, "POST", "/auth/refresh",
            json.dumps({"refresh_token": token["refresh_token"]}).encode(),
            {"Content-Type": "application/json"})
        point.reached()
        (worker,) = pool.workers()
        os.kill(worker, signal.SIGKILL)
        assert lost.result().status >= 500
    (after,) = user.session_rows()
    assert after["generation"] == before["generation"] + steps
    until(pool.api.ready, "another worker in its place")
    answer = pool.api.refresh(token["refresh_token"])
    assert answer.status == 200, answer
    (after,) = user.session_rows()
    assert after["generation"] == before["generation"] + 1


# ---- the last administrator -------------------------------------------------

ADMINS = ("SELECT COUNT(*) FROM user WHERE status = 'active'"
          " AND FIND_IN_SET('admin', roles)")


def demote(user: User) -> int:
    return user.pool.ctl("user", "roles", user.login, "editor",
                         status=None).returncode


def test_last_administrator_keeps_the_role(pool: Pool) -> None:
    admin, suspended = pool.user("admin"), pool.user("admin")
    pool.suspend(suspended)
    assert demote(admin) == 1
    assert pool.database.one(ADMINS) == 1
    pool.ctl("user", "roles", admin.login, "editor,admin")
    other = pool.user("admin")
    assert demote(admin) == 0
    assert demote(other) == 1


def test_administrators_demote_each_other(
        pool: Pool, threads: ThreadPoolExecutor) -> None:
    admins = [pool.user() for _ in range(3)]
    for _ in range(5):
        pool.database.sql("UPDATE user SET roles = 'admin'")
        assert sorted(threads.map(demote, admins)) == [0, 0, 1]
        assert pool.database.one(ADMINS) == 1


def test_administrator_who_goes_meanwhile_does_not_count(
        pool: Pool, threads: ThreadPoolExecutor) -> None:
    """The other one's role is taken in a transaction that is still open: who
    looks whether there is another has to wait for its end."""
    admin, other = pool.user("admin"), pool.user("admin")
    with pool.database.connect() as late, late.cursor() as cursor:
        late.begin()
        cursor.execute("UPDATE user SET roles = '' WHERE login = %s",
                       other.login)
        cursor.execute("UPDATE deployment SET admin_seq = admin_seq + 1")
        status = threads.submit(demote, admin)
        until(lambda: status.done() or pool.database.server.status(
            "Innodb_row_lock_current_waits"), "it waits")
        late.commit()
    assert status.result() == 1
    assert pool.database.one(ADMINS) == 1
