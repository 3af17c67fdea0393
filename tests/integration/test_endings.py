"""What ends with what, and when (design §4, I8): a table of all that may
happen to a session or its user, by all the tokens that there are of them.  In
the same second, too, since no time decides.

A new way to end something is a function and a row of ROWS.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import jwt
import pytest

from endings import (by_delete, by_deletion, by_logout, by_logout_all,
                     by_new_password, by_theft)
from pool import Deploy, Pool, User
from waiting import until


class Fate(Enum):
    """Of the access tokens of a session."""

    LIVE = "live on"
    NOW = "are dead before the answer"
    FED = "are dead when the feed has brought it"
    USED = "are dead once a refresh token of the session has been refused"


@dataclass
class Tokens:
    """All that there may be of one session."""

    session: dict         # the newest token answer
    access: list[str]     # of the login, of a refresh, of a renewal
    refresh: list[str]    # the live one first, then its parent, in grace

    @classmethod
    def of(cls, user: User) -> "Tokens":
        first = user.sign_in()
        second = user.pool.api.refresh(first["refresh_token"]).json
        third = user.pool.api.post("/renew", token=second["access_token"])
        assert third.status == 200, third
        return cls({**second, **third.json},
                   [token["access_token"]
                    for token in (first, second, third.json)],
                   [second["refresh_token"], first["refresh_token"]])


# ---- what may happen --------------------------------------------------------

Event = Callable[[Pool, User, Tokens, Tokens], None]


def by_own(ending: Callable[[Pool, User, dict], None]) -> Event:
    """One of tests/integration/endings.py, by the session itself."""
    return lambda pool, user, own, other: ending(pool, user, own.session)


def logout_by_refresh_token(pool: Pool, user: User, own: Tokens,
                            other: Tokens) -> None:
    assert pool.api.post("/logout", {"refresh_token": own.refresh[1]}
                         ).status == 204


def end_by_other_device(pool: Pool, user: User, own: Tokens, other: Tokens
                        ) -> None:
    assert pool.api.call(
        "DELETE", "/sessions/" + own.session["session_id"],
        token=other.session["access_token"]).status == 204


def theft(pool: Pool, user: User, own: Tokens, other: Tokens) -> None:
    by_theft(pool, user, own.session)


def limit_lowered(pool: Pool, user: User, own: Tokens, other: Tokens) -> None:
    """By plain SQL: the next login makes it hold."""
    pool.api.refresh(other.refresh[0])
    pool.database.sql("UPDATE user SET session_limit = 2 WHERE login = %s",
                      user.login)
    assert user.sign_in()["evicted"] == [own.session["session_id"]]


def hash_by_sql(pool: Pool, user: User, own: Tokens, other: Tokens) -> None:
    pool.database.sql("UPDATE user SET password_hash = 'x' WHERE login = %s",
                      user.login)


def suspended_by_sql(pool: Pool, user: User, own: Tokens, other: Tokens
                     ) -> None:
    pool.suspend(user)


def by_ctl(*argv: str) -> Event:
    """By the command line; what is in braces is the user's."""
    def run(pool: Pool, user: User, own: Tokens, other: Tokens) -> None:
        pool.ctl(*(word.format(login=user.login,
                               session_id=own.session["session_id"])
                   for word in argv), stdin="quite another phrase")
    return run


# ---- the table --------------------------------------------------------------

@dataclass
class Row:
    event: Event
    own: Fate          # of the access tokens of the session it happens to
    other: Fate        # and of another session of the user
    own_lives: bool    # whether refresh tokens do
    other_lives: bool
    may_return: bool = True  # with the password of before


ROLES = by_ctl("user", "roles", "{login}", "editor")
LIVE, NOW, FED, USED = Fate
ROWS = {
    "logout": Row(by_own(by_logout), NOW, LIVE, False, True),
    "logout by an older refresh token": Row(
        logout_by_refresh_token, NOW, LIVE, False, True),
    "ends itself": Row(by_own(by_delete), NOW, LIVE, False, True),
    "ended by another device": Row(
        end_by_other_device, NOW, LIVE, False, True),
    "theft": Row(theft, NOW, LIVE, False, True),
    "limit lowered": Row(limit_lowered, NOW, LIVE, False, True),
    "logout everywhere": Row(by_own(by_logout_all), NOW, NOW, False, False),
    "password": Row(by_own(by_new_password), NOW, NOW, False, False, False),
    "deletion": Row(by_own(by_deletion), NOW, NOW, False, False, False),
    "password by SQL": Row(hash_by_sql, USED, USED, False, False, False),
    "suspension by SQL": Row(
        suspended_by_sql, USED, USED, False, False, False),
    "roles": Row(ROLES, FED, FED, True, True),
    "the same roles": Row(  # nothing has changed, so nothing ends
        by_ctl("user", "roles", "{login}", ""), LIVE, LIVE, True, True),
    "claims": Row(by_ctl("user", "claims", "{login}", '{{"plan": "pro"}}'),
                  FED, FED, True, True),
    "suspended by command line": Row(
        by_ctl("user", "suspend", "{login}"), FED, FED, False, False, False),
    "deleted by command line": Row(
        by_ctl("user", "delete", "{login}"), FED, FED, False, False, False),
    "password by command line": Row(
        by_ctl("user", "passwd", "{login}"), FED, FED, False, False, False),
    "another id": Row(by_ctl("user", "reissue-id", "{login}"),
                      FED, FED, False, False),
    "session by command line": Row(by_ctl("session", "end", "{session_id}"),
                                   FED, LIVE, False, True),
    "sessions by command line": Row(by_ctl("session", "end", "--user",
                                           "{login}"), FED, FED, False, False),
}


@pytest.fixture(scope="module")
def pool(deploy_module: Deploy) -> Pool:
    return deploy_module(workers=2, verify_workers=2, feed_interval_ms=20)


def check_access(pool: Pool, tokens: Tokens, fate: Fate) -> None:
    for token in tokens.access:
        if fate is NOW:
            assert pool.dead_everywhere(token)
        elif fate is FED:
            until(lambda: pool.dead_everywhere(token), "the feed brings it")
        else:
            assert pool.alive_everywhere(token)


def check_refresh(pool: Pool, tokens: Tokens, fate: Fate, lives: bool) -> None:
    for token in tokens.refresh:
        answer = pool.api.refresh(token)
        if lives:
            assert answer.status == 200, answer
            assert pool.alive_everywhere(answer.json["access_token"])
            return
        assert (answer.status, answer.code) == (
            401, "invalid_refresh_token"), answer
        if fate is USED:
            check_access(pool, tokens, NOW)


def issued_at(token: str) -> int:
    return jwt.decode(token, options={"verify_signature": False})["iat"]


@pytest.mark.parametrize("name", ROWS)
def test_ending(pool: Pool, name: str) -> None:
    row = ROWS[name]

    def within_a_second() -> bool:
        user, bystander = pool.user(), pool.user()
        living = Tokens.of(bystander)
        other = Tokens.of(user)
        pool.clock.to_the_next_second()
        own = Tokens.of(user)
        row.event(pool, user, own, other)
        same_second = (issued_at(own.access[0])
                       == issued_at(bystander.sign_in()["access_token"]))
        check_access(pool, own, row.own)
        check_access(pool, other, row.other)
        check_refresh(pool, own, row.own, row.own_lives)
        check_refresh(pool, other, row.other, row.other_lives)
        # Nobody else is hit, and who signs in again is not, either.
        check_access(pool, living, LIVE)
        check_refresh(pool, living, LIVE, True)
        again = pool.api.login(user.login, user.password)
        assert (again.status == 200) == row.may_return, again
        if row.may_return:
            assert pool.alive_everywhere(again.json["access_token"])
        return same_second

    until(within_a_second, "all of it within one second", 60)


def test_new_roles_are_in_the_next_token(pool: Pool) -> None:
    user = pool.user()
    tokens = Tokens.of(user)
    ROLES(pool, user, tokens, tokens)
    fresh = pool.api.refresh(tokens.refresh[0]).json["access_token"]
    answer = pool.api.get("/verify/editor", fresh)
    assert (answer.status, answer.headers["X-Auth-Roles"]) == (204, "editor")
