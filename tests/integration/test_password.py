"""/password: who knows the password in force puts another in its place, and
nothing of before it lives on (design §3; ASVS 7.4.3, 7.5.1)."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import jwt
import pytest

from api import ID, Answer
from mariadb import MariaDB
from pool import PASSWORD, Deploy, Pool, User
from waiting import until

NEW = "quite another phrase"


@pytest.fixture
def user(pool: Pool) -> User:
    return pool.user()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as executor:
        yield executor


def change(pool: Pool, token: dict, current: str = PASSWORD, new: str = NEW
           ) -> Answer:
    return pool.api.post("/password", {"current_password": current,
                                       "new_password": new},
                         token=token["access_token"])


def issued_at(token: dict) -> int:
    return jwt.decode(token["access_token"],
                      options={"verify_signature": False})["iat"]


def signs_in(user: User, password: str) -> bool:
    answer = user.pool.api.login(user.login, password)
    assert answer.status in (200, 401), answer
    return answer.status == 200


def is_as_before(user: User, *tokens: dict) -> bool:
    """Password and sessions stand as they did."""
    return (all(user.pool.api.verify(token["access_token"]) == 204
                for token in tokens)
            and len(user.session_rows()) == len(tokens)
            and signs_in(user, user.password) and not signs_in(user, NEW))


# ---- what it gives and what it ends -----------------------------------------

class TestEveryWorker:
    @pytest.fixture(scope="class")
    def pool(self, deploy_module: Deploy) -> Pool:
        return deploy_module(workers=3, verify_workers=3)

    def test_new_session_for_the_caller_and_the_end_of_all(
            self, pool: Pool, user: User) -> None:
        other = pool.user().sign_in()
        tokens = [user.sign_in(device="my phone"), user.sign_in(),
                  user.sign_in()]
        caller = tokens[0]
        renewed = pool.api.post("/renew", token=caller["access_token"]).json
        answer = change(pool, caller)
        assert answer.status == 200, answer
        new = answer.json
        for token in [*tokens, renewed]:
            assert pool.dead_everywhere(token["access_token"])
        assert pool.alive_everywhere(new["access_token"])
        assert pool.alive_everywhere(other["access_token"])
        for token in tokens:
            refused = pool.api.refresh(token["refresh_token"])
            assert (refused.status, refused.code) == (
                401, "invalid_refresh_token"), refused
        assert set(new) == set(caller), "a whole token answer"
        assert ID.fullmatch(new["session_id"])
        assert new["session_id"] not in {
            token["session_id"] for token in tokens}
        (row,) = pool.api.get("/sessions", new["access_token"]
                              ).json["sessions"]
        assert (row["session_id"], row["device"], row["current"]) == (
            new["session_id"], "my phone", True)
        assert not signs_in(user, PASSWORD)
        assert signs_in(user, NEW)
        assert pool.api.refresh(new["refresh_token"]).status == 200

    def test_in_the_same_second(self, pool: Pool) -> None:
        """Not the time but the epoch decides."""
        def once() -> bool:
            user = pool.user()
            pool.clock.to_the_next_second()
            old = [user.sign_in(), user.sign_in()]
            new = change(pool, old[0]).json
            assert all(pool.dead_everywhere(token["access_token"])
                       for token in old)
            assert pool.alive_everywhere(new["access_token"])
            return issued_at(old[0]) == issued_at(new)

        until(once, "all of it within one second")

    def test_again_and_again(self, pool: Pool, user: User) -> None:
        token, password = user.sign_in(), PASSWORD
        for number in range(5):
            new = f"{NEW} {number}"
            answer = change(pool, token, password, new)
            assert answer.status == 200, answer
            assert pool.dead_everywhere(token["access_token"])
            token, password = answer.json, new
            assert len(user.session_rows()) == 1
        assert pool.alive_everywhere(token["access_token"])

    def test_the_same_password_again(self, pool: Pool, user: User) -> None:
        """Nothing is compared; all of before it ends nevertheless."""
        token = user.sign_in()
        answer = change(pool, token, PASSWORD, PASSWORD)
        assert answer.status == 200, answer
        assert pool.dead_everywhere(token["access_token"])
        assert signs_in(user, PASSWORD)


def test_parent_in_a_thiefs_hand_finds_nothing(pool: Pool, user: User
                                               ) -> None:
    """Within its grace it would have been given the successor."""
    stolen = user.sign_in()
    token = pool.api.refresh(stolen["refresh_token"]).json
    new = change(pool, token).json
    for old in (stolen, token):
        answer = pool.api.refresh(old["refresh_token"])
        assert (answer.status, answer.code) == (
            401, "invalid_refresh_token"), answer
    assert pool.api.verify(new["access_token"]) == 204
    assert pool.api.refresh(new["refresh_token"]).status == 200


def test_two_nodes(deploy: Deploy) -> None:
    one = deploy()
    two = deploy(beside=one)
    token = one.user().sign_in()
    assert two.alive_everywhere(token["access_token"])
    new = change(one, token).json
    until(lambda: two.dead(token["access_token"]), "the feed brings it")
    assert two.dead_everywhere(token["access_token"])
    assert two.alive_everywhere(new["access_token"])


# ---- what is refused --------------------------------------------------------

def test_wrong_password(pool: Pool, user: User) -> None:
    token = user.sign_in()
    for wrong in ("not the pass phrase", "", PASSWORD + " ", PASSWORD.upper()):
        answer = change(pool, token, wrong)
        assert (answer.status, answer.code) == (403, "wrong_password"), answer
    assert is_as_before(user, token)


@pytest.mark.parametrize("new, reasons", [
    ("k7#Qz!p", {"too_short"}),
    ("Zr8-" * 300, {"too_long"}),
    ("LOGIN-k7#Q", {"contains_login"}),
    ("password", {"guessable"}),
    ("LOGIN", {"contains_login", "guessable"}),
    ("abc", {"too_short", "guessable"}),
])
def test_weak_password(pool: Pool, user: User, new: str, reasons: set[str]
                       ) -> None:
    token = user.sign_in()
    new = new.replace("LOGIN", user.login)
    answer = change(pool, token, PASSWORD, new)
    assert (answer.status, answer.code) == (422, "weak_password"), answer
    assert set(answer.json["reasons"]) == reasons, answer
    # Of a weak one nothing is said to who does not know the one in force.
    answer = change(pool, token, "not the pass phrase", new)
    assert answer.code == "wrong_password", answer
    assert is_as_before(user, token)


@pytest.mark.parametrize("members", [
    {}, {"current_password": PASSWORD}, {"new_password": NEW},
    {"current_password": PASSWORD, "new_password": None},
    {"current_password": 1, "new_password": NEW},
    {"current_password": PASSWORD, "new_password": NEW, "login": "x"},
    {"current_password": PASSWORD, "new_password": NEW + "\0"},
])
def test_members(pool: Pool, user: User, members: dict) -> None:
    token = user.sign_in()
    answer = pool.api.post("/password", members, token=token["access_token"])
    assert (answer.status, answer.code) == (400, "invalid_request"), answer


def test_needs_a_live_access_token(pool: Pool, user: User) -> None:
    token = user.sign_in()
    members = {"current_password": PASSWORD, "new_password": NEW}
    answer = pool.api.post("/password", members)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert pool.api.post("/password", members,
                         token=token["refresh_token"]).status == 401
    pool.api.post("/logout", token=token["access_token"])
    assert change(pool, token).status == 401
    assert signs_in(user, PASSWORD)


def test_mariadb_away(deploy: Deploy, own_server: MariaDB) -> None:
    pool = deploy(server=own_server)
    user = pool.user()
    token = user.sign_in()
    own_server.stop()
    answer = change(pool, token)
    assert (answer.status, answer.code) == (503, "unavailable"), answer
    malformed = pool.api.post("/password", {}, token=token["access_token"])
    assert malformed.status == 400, malformed
    own_server.start()
    until(pool.api.ready, "well by itself")
    assert is_as_before(user, token)


# ---- what changes meanwhile -------------------------------------------------

def by_logout(user: User, token: dict) -> None:
    assert user.pool.api.post("/logout", {
        "refresh_token": token["refresh_token"]}).status == 204


def by_suspension(user: User, token: dict) -> None:
    user.pool.suspend(user)


def by_deletion(user: User, token: dict) -> None:
    user.pool.database.sql("DELETE FROM user WHERE login = %s", user.login)


@pytest.mark.parametrize("end", [by_logout, by_suspension, by_deletion])
def test_caller_ends_meanwhile(
        pool: Pool, user: User, threads: ThreadPoolExecutor,
        end: Callable[[User, dict], None]) -> None:
    """A token whose session ends this very moment changes nothing any more."""
    stored = "SELECT password_hash FROM user WHERE login = %s"
    token = user.sign_in()
    before = pool.database.sql(stored, user.login)
    with pool.point("own_checked") as point:
        answer = threads.submit(change, pool, token)
        point.reached()
        end(user, token)
    answer = answer.result()
    assert (answer.status, answer.code) == (401, "invalid_token"), answer
    if end is by_deletion:
        before = ()
    assert list(pool.database.sql(stored, user.login)) == list(before)
    if end is by_logout:
        assert user.session_rows() == []
        assert signs_in(user, PASSWORD)


def test_password_changes_meanwhile(
        pool: Pool, user: User, threads: ThreadPoolExecutor) -> None:
    """Behind Latchkey's back: the one that was checked counts no more."""
    other = pool.user(password="somebody else's phrase")
    token = user.sign_in()
    with pool.point("own_checked") as point:
        answer = threads.submit(change, pool, token)
        point.reached()
        pool.database.sql(
            "UPDATE user JOIN user other ON other.login = %s"
            " SET user.password_hash = other.password_hash"
            " WHERE user.login = %s", other.login, user.login)
    answer = answer.result()
    assert (answer.status, answer.code) == (403, "wrong_password"), answer
    assert signs_in(user, "somebody else's phrase")
    assert not signs_in(user, NEW)


def test_login_with_the_old_password_meanwhile(
        pool: Pool, user: User, threads: ThreadPoolExecutor) -> None:
    """It is checked before, and its session opens after: nobody is let in."""
    token = user.sign_in()
    with pool.point("login_checked") as point:
        login = threads.submit(pool.api.login, user.login, PASSWORD)
        point.reached()
        new = change(pool, token).json
    answer = login.result()
    assert (answer.status, answer.code) == (401, "invalid_credentials"), answer
    (row,) = pool.api.get("/sessions", new["access_token"]).json["sessions"]
    assert row["current"]


@pytest.mark.parametrize("new", [
    lambda number: f"{NEW} {number}", lambda number: PASSWORD],
    ids=["each another", "all the same"])
def test_parallel_changes(deploy: Deploy, threads: ThreadPoolExecutor,
                          new: Callable[[int], str]) -> None:
    """One wins, and the password and the session that there are, are its."""
    pool = deploy(workers=6)
    for _ in range(3):
        user = pool.user()
        token = user.sign_in()
        passwords = [new(number) for number in range(12)]
        answers = list(threads.map(
            lambda password: change(pool, token, PASSWORD, password),
            passwords))
        won = [number for number, answer in enumerate(answers)
               if answer.status == 200]
        assert len(won) == 1, answers
        winner = answers[won[0]].json
        for answer in answers:
            assert (answer.status, answer.code) in {
                (200, None), (401, "invalid_token"),
                (403, "wrong_password"), (503, "unavailable")}, answer
        (row,) = pool.api.get("/sessions", winner["access_token"]
                              ).json["sessions"]
        assert row["session_id"] == winner["session_id"]
        assert pool.dead_everywhere(token["access_token"])
        assert [signs_in(user, password) for password in set(passwords)
                ].count(True) == 1
        assert signs_in(user, passwords[won[0]])


# ---- workers that die -------------------------------------------------------

def change_and_die(pool: Pool, token: dict, threads: ThreadPoolExecutor,
                   point_name: str) -> None:
    """Kills the worker while it stands there; nobody gets an answer."""
    body = json.dumps({"current_password": PASSWORD,
                       "new_password": NEW}).encode()
    with pool.point(point_name) as point:
        lost: Future[Answer] = threads.submit(
            pool.api.raw, "POST", "/auth/password", body,
            {"Content-Type": "application/json",
             "Authorization": "Bearer " + token["access_token"]})
        point.reached()
        (worker,) = pool.workers()
        os.kill(worker, signal.SIGKILL)
        assert lost.result().status >= 500
    until(pool.serves, "another worker in its place")


def test_worker_dies_before_the_change(
        deploy: Deploy, threads: ThreadPoolExecutor) -> None:
    pool = deploy(workers=1)
    user = pool.user()
    token = user.sign_in()
    change_and_die(pool, token, threads, "own_checked")
    assert pool.metrics()["latchkey_hashing_wanted"] == 0
    assert is_as_before(user, token)


def test_worker_dies_after_the_change(
        deploy: Deploy, threads: ThreadPoolExecutor) -> None:
    """It is committed, and this node's index has not been told."""
    pool = deploy(workers=1)
    user = pool.user()
    token = user.sign_in()
    change_and_die(pool, token, threads, "own_changed")
    until(lambda: pool.dead_everywhere(token["access_token"]),
          "the feed brings it")
    assert pool.api.refresh(token["refresh_token"]).status == 401
    assert len(user.session_rows()) == 1, "of which nobody has the tokens"
    assert not signs_in(user, PASSWORD)
    assert signs_in(user, NEW)


class Owner:
    """Who changes the password while workers die; `possible` are those that
    may be in force."""

    def __init__(self, user: User):
        self.user = user
        self.possible = [PASSWORD]
        self.ended: list[str] = []

    def post(self, path: str, members: dict, **headers: str) -> Answer:
        return self.user.pool.api.raw(
            "POST", "/auth" + path, json.dumps(members).encode(),
            {"Content-Type": "application/json", **headers})

    def sign_in(self) -> dict | None:
        for password in self.possible:
            answer = self.post("/login", {"login": self.user.login,
                                          "password": password})
            if answer.status == 200:
                self.possible = [password]
                return answer.json
        return None

    def change(self, new: str) -> None:
        token = self.sign_in()
        if token is None:
            return
        answer = self.post(
            "/password", {"current_password": self.possible[0],
                          "new_password": new},
            Authorization="Bearer " + token["access_token"])
        if answer.status == 200:
            self.possible = [new]
            self.ended.append(token["access_token"])
        else:
            self.possible.append(new)


def test_acknowledged_changes_survive_killed_workers(
        deploy: Deploy, threads: ThreadPoolExecutor) -> None:
    """What was answered holds; of what was not, one of the two."""
    pool = deploy(workers=4)
    owners = [Owner(pool.user()) for _ in range(8)]
    done = threading.Event()

    def kill_on_and_on() -> int:
        killed = 0
        while not done.is_set():
            until(pool.complete, "another in its place")
            worker = pool.workers()[killed % 4]
            os.kill(worker, signal.SIGKILL)
            until(lambda: worker not in pool.workers(), "it is reaped")
            killed += 1
        return killed

    def change_on_and_on(owner: Owner) -> None:
        for number in range(10):
            owner.change(f"{NEW} {number}")

    killer = threads.submit(kill_on_and_on)
    try:
        list(threads.map(change_on_and_on, owners))
    finally:
        done.set()
    assert killer.result() > 0
    until(pool.serves, "well by itself")
    assert any(owner.ended for owner in owners)
    for owner in owners:
        assert [signs_in(owner.user, password)
                for password in owner.possible].count(True) == 1
        assert all(pool.dead_everywhere(token) for token in owner.ended)
    for permits in ("hashing", "hashing_wanted", "slow_permits_held"):
        assert pool.metrics()["latchkey_" + permits] == 0


# ---- the session limit ------------------------------------------------------

@pytest.mark.parametrize("policy", ["evict", "deny", "pick"])
@pytest.mark.parametrize("limit", [1, 2])
def test_there_is_always_room(deploy: Deploy, policy: str, limit: int) -> None:
    pool = deploy(session_limit=limit, session_limit_policy=policy)
    user = pool.user()
    tokens = [user.sign_in() for _ in range(limit)]
    answer = change(pool, tokens[-1])
    assert answer.status == 200, answer
    assert "evicted" not in answer.json
    assert [row["session_id"] for row in pool.api.get(
        "/sessions", answer.json["access_token"]).json["sessions"]
    ] == [answer.json["session_id"]]


def test_limit_holds_through_it(deploy: Deploy, threads: ThreadPoolExecutor
                                ) -> None:
    """I4: sampled by another connection all the while."""
    pool = deploy(workers=6, session_limit=1)
    user = pool.user()
    token = user.sign_in()
    done = threading.Event()

    def sample() -> list[int]:
        seen = []
        with (pool.database.connect() as connection,
              connection.cursor() as cursor):
            while not done.is_set():
                cursor.execute("SELECT COUNT(*) AS n FROM session")
                seen.append(cursor.fetchone()["n"])
        return seen

    sampler = threads.submit(sample)
    try:
        for _ in range(5):
            calls = [threads.submit(change, pool, token, PASSWORD, PASSWORD)
                     for _ in range(3)]
            calls += [threads.submit(pool.api.login, user.login, PASSWORD)
                      for _ in range(5)]
            for call in calls:
                assert call.result().status in (200, 401, 503), call.result()
            token = user.sign_in()
    finally:
        done.set()
    seen = sampler.result()
    assert len(seen) >= 20 and set(seen) == {1}
