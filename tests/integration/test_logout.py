"""POST /logout in all its forms, and what every ending leaves behind."""

import pytest

from encoding import decode
from endings import ENDINGS, OF_ALL, Ending
from pool import Deploy, Pool, User


@pytest.fixture
def user(pool: Pool) -> User:
    return pool.user()


def log_out(pool: Pool, access_token: str | None = None,
            refresh_token: str | None = None) -> int:
    members = {"refresh_token": refresh_token} if refresh_token else None
    return pool.api.post("/logout", members, token=access_token).status


def check_ended(pool: Pool, user: User, token: dict) -> None:
    assert user.session_rows() == []
    assert pool.dead(token["access_token"])
    answer = pool.api.refresh(token["refresh_token"])
    assert (answer.status, answer.code) == (401, "invalid_refresh_token")


@pytest.mark.parametrize("by", [
    ("access_token",), ("refresh_token",), ("access_token", "refresh_token")])
def test_and_again(pool: Pool, user: User, by: tuple[str, ...]) -> None:
    token = user.sign_in()
    credentials = {name: token[name] for name in by}
    assert log_out(pool, **credentials) == 204
    check_ended(pool, user, token)
    assert log_out(pool, **credentials) == 204


def test_empty_object_is_as_good_as_no_body(pool: Pool, user: User) -> None:
    token = user.sign_in()
    answer = pool.api.post("/logout", {}, token=token["access_token"])
    assert answer.status == 204, answer
    check_ended(pool, user, token)


def test_refresh_token_of_any_generation(pool: Pool, user: User) -> None:
    first = user.sign_in()
    second = pool.api.refresh(first["refresh_token"]).json
    third = pool.api.refresh(second["refresh_token"]).json
    assert log_out(pool, refresh_token=first["refresh_token"]) == 204
    check_ended(pool, user, third)
    # Not a theft: whoever logs out with an old token means to log out.
    assert pool.database.one(
        "SELECT COUNT(*) FROM audit WHERE session_id = %s"
        " AND event LIKE '%%reuse%%'", decode(first["session_id"])) == 0


def test_expired_access_token_with_a_good_refresh_token(deploy: Deploy
                                                        ) -> None:
    pool = deploy()
    user = pool.user()
    token = user.sign_in()
    pool.clock.advance(1000)
    assert pool.dead(token["access_token"])
    assert log_out(pool, token["access_token"], token["refresh_token"]) == 204
    assert user.session_rows() == []
    assert pool.api.refresh(token["refresh_token"]).status == 401


def test_tokens_of_two_sessions(pool: Pool, user: User) -> None:
    one, two = user.sign_in(), user.sign_in()
    answer = pool.api.post("/logout", {"refresh_token": two["refresh_token"]},
                           token=one["access_token"])
    assert (answer.status, answer.code) == (400, "invalid_request"), answer
    assert len(user.session_rows()) == 2
    for token in (one, two):
        assert pool.api.verify(token["access_token"]) == 204


def test_forged_tokens_end_nothing(pool: Pool, user: User) -> None:
    token = user.sign_in()
    forged = token["refresh_token"][:-1] + (
        "A" if token["refresh_token"][-1] != "A" else "Q")
    assert log_out(pool, refresh_token=forged) == 401
    assert log_out(pool, access_token=token["access_token"] + "x") == 401
    assert pool.api.verify(token["access_token"]) == 204


def test_other_sessions_live_on(pool: Pool, user: User) -> None:
    one, two = user.sign_in(), user.sign_in()
    assert log_out(pool, one["access_token"]) == 204
    assert pool.api.verify(two["access_token"]) == 204
    assert pool.api.refresh(two["refresh_token"]).status == 200


@pytest.mark.parametrize("end", ENDINGS)
def test_every_ending_is_on_record(pool: Pool, user: User, end: Ending
                                   ) -> None:
    """The row is gone; a revocation kills the access tokens, and stays until
    the last of them has surely expired; the audit tells of it."""
    token = user.sign_in()
    end(pool, user, token)
    session, owner = decode(token["session_id"]), decode(user.user_id)
    assert session not in [row["session_id"] for row in user.session_rows()]
    assert pool.dead(token["access_token"])
    revocations = pool.database.sql(
        "SELECT kind, TIMESTAMPDIFF(SECOND, revoked_at, expires_at) AS kept"
        " FROM revocation WHERE target IN (%s, %s)", session, owner)
    assert [row["kind"] for row in revocations] == [
        "user" if end in OF_ALL else "session"]
    assert revocations[0]["kept"] >= 300 + 5 + 600
    assert pool.database.one(
        "SELECT COUNT(*) FROM audit WHERE user_id = %s AND event <> 'login'"
        " AND event <> 'signup'", owner) >= 1
