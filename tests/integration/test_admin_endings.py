"""What ends with what an administrator does, by all the tokens that there are
of a session, and in the very second in which they were made: no time decides
(design §4, I8)."""

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import jwt
import pytest

from api import Answer
from encoding import decode
from pool import PASSWORD, Deploy, Pool, User
from test_admin import OTHER_PASSWORD, Admin, held, running
from waiting import until


def claims_of(token: str) -> dict:
    return jwt.decode(token, options={"verify_signature": False})


@dataclass
class Tokens:
    """All that there may be of one session."""

    session_id: str
    access: list[str]   # of the login, of a refresh, of a renewal
    refresh: list[str]  # the live one, and its parent, which is in grace

    @classmethod
    def of(cls, user: User) -> "Tokens":
        first = user.sign_in()
        second = user.pool.api.refresh(first["refresh_token"]).json
        third = user.pool.api.post("/renew", token=second["access_token"]).json
        return cls(first["session_id"],
                   [token["access_token"] for token in (first, second, third)],
                   [second["refresh_token"], first["refresh_token"]])


# ---- what is done -----------------------------------------------------------

Deed = Callable[[Admin, User, Tokens], None]


def change(**members) -> Deed:
    return lambda admin, user, own: admin.patch(user, **members)


def delete(path: str, status: int) -> Deed:
    def run(admin: Admin, user: User, own: Tokens) -> None:
        answer = admin.call("DELETE", path.format(
            user_id=user.user_id, session_id=own.session_id))
        assert answer.status == status, answer
    return run


def revoke(name: str) -> Deed:
    def run(admin: Admin, user: User, own: Tokens) -> None:
        value = {"session_id": own.session_id, "user_id": user.user_id,
                 "jti": claims_of(own.access[0])["jti"], "all": True}[name]
        admin.good("POST", "/revocations", {name: value})
    return run


def reissue(admin: Admin, user: User, own: Tokens) -> None:
    admin.good("POST", f"/users/{user.user_id}/reissue-id")


def suspend_and_activate(admin: Admin, user: User, own: Tokens) -> None:
    admin.patch(user, status="suspended")
    admin.patch(user, status="active")


@dataclass
class Row:
    """Whether access tokens and refresh tokens live: of the session that is
    meant, and of another of the user; and whether the user may return."""

    deed: Deed
    own: tuple[bool, bool]
    other: tuple[bool, bool]
    may_return: bool = True
    # What differs from the rest.
    access: dict[int, bool] = field(default_factory=dict)
    bystander: bool = True


NOTHING, TOKENS, ALL = (True, True), (False, True), (False, False)
ROWS = {
    "suspension": Row(change(status="suspended"), ALL, ALL, False),
    "suspension for a moment": Row(suspend_and_activate, ALL, ALL),
    "password": Row(change(password=OTHER_PASSWORD), ALL, ALL, False),
    "the same password": Row(change(password=PASSWORD), ALL, ALL),
    "roles": Row(change(roles=["editor"]), TOKENS, TOKENS),
    "roles taken": Row(change(roles=[]), TOKENS, TOKENS),
    "claims": Row(change(claims={"plan": "pro"}), TOKENS, TOKENS),
    "roles, claims and limit": Row(
        change(roles=["editor"], claims={"a": 1}, session_limit=9),
        TOKENS, TOKENS),
    "nothing": Row(change(), NOTHING, NOTHING),
    "what is so already": Row(
        change(roles=["reader"], claims={}, status="active"),
        NOTHING, NOTHING),
    "a limit that is kept": Row(change(session_limit=2), NOTHING, NOTHING),
    "a limit below": Row(change(session_limit=1), ALL, NOTHING),
    "limit and roles": Row(
        change(session_limit=1, roles=["editor"]), ALL, TOKENS),
    "another id": Row(reissue, ALL, ALL),
    "deletion": Row(delete("/users/{user_id}", 204), ALL, ALL, False),
    "a session ended": Row(
        delete("/users/{user_id}/sessions/{session_id}", 204), ALL, NOTHING),
    "all sessions ended": Row(
        delete("/users/{user_id}/sessions", 200), ALL, ALL),
    "a session revoked": Row(revoke("session_id"), ALL, NOTHING),
    "a user revoked": Row(revoke("user_id"), TOKENS, TOKENS),
    "a token revoked": Row(revoke("jti"), NOTHING, NOTHING,
                           access={0: False}),
    "everybody revoked": Row(revoke("all"), TOKENS, TOKENS, bystander=False),
}


@pytest.fixture(scope="module")
def pool(deploy_module: Deploy) -> Pool:
    return deploy_module(workers=2, verify_workers=2)


class Second:
    """One second of the pool's clock, however long it takes."""

    def __init__(self, pool: Pool):
        self.pool = pool
        self.begins = math.ceil(time.time())

    def again(self) -> None:
        self.pool.clock.set(self.begins - time.time())


def check_access(pool: Pool, token: str, lives: bool) -> None:
    expected = 204 if lives else 401
    assert set(pool.verify_everywhere(token)) == {expected}


def check_refresh(pool: Pool, tokens: Tokens, lives: bool) -> None:
    for token in tokens.refresh:
        answer = pool.api.refresh(token)
        if lives:
            check_access(pool, answer.json["access_token"], True)
            return
        assert (answer.status, answer.code) == (
            401, "invalid_refresh_token"), answer


@pytest.mark.parametrize("name", ROWS)
def test_ending(pool: Pool, name: str) -> None:
    row = ROWS[name]

    def within_a_second() -> bool:
        admin, bystander = Admin(pool), pool.user()
        user = pool.user("reader")
        second = Second(pool)
        living = Tokens.of(bystander)
        own = Tokens.of(user)
        second.again()
        other = Tokens.of(user)
        # Within one moment: which of the two is older has to be clear.
        pool.database.sql("UPDATE session SET last_used_at = last_used_at"
                          " - INTERVAL 1 SECOND WHERE session_id = %s",
                          decode(own.session_id))
        second.again()
        row.deed(admin, user, own)
        for number, token in enumerate(own.access):
            check_access(pool, token, row.access.get(number, row.own[0]))
        for token in other.access:
            check_access(pool, token, row.other[0])
        for token in living.access:
            check_access(pool, token, row.bystander)
        second.again()
        fresh = [bystander.sign_in()["access_token"]]
        again = pool.api.login(user.login, PASSWORD)
        assert (again.status == 200) == row.may_return, again
        if row.may_return and row.deed is not ROWS["a limit below"].deed:
            fresh.append(again.json["access_token"])
        for token in fresh:
            check_access(pool, token, True)
        evicted = again.json.get("evicted", []) if row.may_return else []
        for tokens, lives in ((own, row.own[1]), (other, row.other[1])):
            check_refresh(pool, tokens,
                          lives and tokens.session_id not in evicted)
        check_refresh(pool, living, True)
        return (claims_of(fresh[0])["iat"]
                == claims_of(other.access[0])["iat"])

    until(within_a_second, "all of it within one second")


def test_other_roles_and_claims_are_in_the_next_token(deploy: Deploy) -> None:
    pool = deploy(token_claims=["plan"])
    admin, user = Admin(pool), pool.user("reader")
    token = user.sign_in()
    admin.patch(user, roles=["editor", "author"], claims={"plan": "pro"})
    fresh = pool.api.refresh(token["refresh_token"]).json["access_token"]
    answer = pool.api.get("/verify/author", fresh)
    assert (answer.status, answer.headers["X-Auth-Roles"]) == (
        204, "editor,author")
    assert claims_of(fresh)["plan"] == "pro"


@pytest.mark.parametrize("members", [
    {"status": "suspended"}, {"password": OTHER_PASSWORD}])
def test_who_comes_in_while_the_door_is_closed(pool: Pool, members: dict
                                               ) -> None:
    """The login is first in the queue for the user's row, the change next."""
    def at_once() -> tuple[Answer, User] | None:
        admin, user = Admin(pool), pool.user()
        with ThreadPoolExecutor(2) as threads:
            with held(pool.database, "SELECT * FROM user WHERE login = %s"
                                     " FOR UPDATE", user.login):
                login = threads.submit(pool.api.login, user.login, PASSWORD)
                until(lambda: login.done() or running(
                    pool, "UPDATE user SET login_seq"), "the login waits")
                change = threads.submit(
                    admin.call, "PATCH", f"/users/{user.user_id}", members)
                until(lambda: change.done() or running(
                    pool, "UPDATE user SET epoch"), "the change waits")
            answers = login.result(), change.result()
        # A wait has an end, which a slow machine comes to.
        if any(answer.status != 200 for answer in answers):
            return None
        return answers[0], user

    login, user = until(at_once, "both are done")
    assert pool.dead_everywhere(login.json["access_token"])
    assert pool.api.refresh(login.json["refresh_token"]).status == 401
    assert user.session_rows() == []
