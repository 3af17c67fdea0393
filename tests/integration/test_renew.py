"""POST /renew: a fresh access token for a live one, and its limits; and how
long sessions live."""

from datetime import timezone

import jwt
import pytest

from pool import Deploy, Pool, User

WINDOW = 200


@pytest.fixture
def pool(deploy: Deploy) -> Pool:
    return deploy(renew_window=WINDOW)


@pytest.fixture
def user(pool: Pool) -> User:
    return pool.user()


def claims(token: str) -> dict:
    return jwt.decode(token, options={"verify_signature": False})


def required(pool: Pool, access_token: str) -> None:
    answer = pool.api.post("/renew", token=access_token)
    assert (answer.status, answer.code) == (401, "refresh_required"), answer


def renewed(pool: Pool, access_token: str) -> str:
    answer = pool.api.post("/renew", token=access_token)
    assert answer.status == 200, answer
    assert answer.json.keys() == {"access_token", "token_type", "expires_in"}
    assert answer.json["token_type"] == "Bearer"
    return answer.json["access_token"]


def test_renew_leaves_the_refresh_token_alone(pool: Pool, user: User) -> None:
    token = user.sign_in()
    (before,) = user.session_rows()
    pool.clock.advance(100)
    fresh = renewed(pool, token["access_token"])
    (after,) = user.session_rows()
    assert after["last_used_at"] > before["last_used_at"]
    assert {**after, "last_used_at": None} == {**before, "last_used_at": None}
    old, new = claims(token["access_token"]), claims(fresh)
    assert new["exp"] >= old["exp"] + 99
    assert new["jti"] != old["jti"]
    assert all(new[name] == old[name]
               for name in ("sub", "sid", "gen", "epoch", "roles"))
    assert pool.api.verify(fresh) == 204
    assert pool.api.refresh(token["refresh_token"]).status == 200


def test_only_within_the_window_since_the_last_rotation(
        pool: Pool, user: User) -> None:
    token = user.sign_in()
    pool.clock.advance(WINDOW - 1)
    fresh = renewed(pool, token["access_token"])
    pool.clock.advance(2)
    required(pool, fresh)
    # A rotation opens the window again.
    second = pool.api.refresh(token["refresh_token"]).json
    pool.clock.advance(WINDOW - 1)
    renewed(pool, second["access_token"])


def test_only_for_the_generation_or_its_parent_within_grace(
        pool: Pool, user: User) -> None:
    first = user.sign_in()
    second = pool.api.refresh(first["refresh_token"]).json
    renewed(pool, first["access_token"])
    third = pool.api.refresh(second["refresh_token"]).json
    required(pool, first["access_token"])
    pool.clock.advance(31)
    required(pool, second["access_token"])
    renewed(pool, third["access_token"])


def test_renewal_has_the_roles_of_now(pool: Pool, user: User) -> None:
    token = user.sign_in()
    pool.database.sql("UPDATE user SET roles = 'editor'")
    fresh = renewed(pool, token["access_token"])
    assert claims(fresh)["roles"] == ["editor"]


def test_suspended_user_renews_nothing(pool: Pool, user: User) -> None:
    token = user.sign_in()
    pool.suspend(user)
    assert pool.api.post("/renew", token=token["access_token"]).status == 401


def test_password_changed_by_plain_sql(pool: Pool, user: User) -> None:
    token = user.sign_in()
    pool.database.sql("UPDATE user SET password_hash = 'x'")
    assert pool.api.post("/renew", token=token["access_token"]).status == 401


def test_access_token_expires(pool: Pool, user: User) -> None:
    token = user.sign_in()["access_token"]
    pool.clock.advance(300)
    assert pool.api.verify(token) == 204, "within the leeway"
    pool.clock.advance(6)
    assert pool.dead(token)
    answer = pool.api.post("/renew", token=token)
    assert (answer.status, answer.code) == (401, "invalid_token")


def test_clock_that_steps_back_revives_nothing(pool: Pool, user: User) -> None:
    """I9."""
    token = user.sign_in()
    pool.clock.advance(60)
    assert pool.api.post("/logout",
                         token=token["access_token"]).status == 204
    pool.clock.set(-60)
    assert pool.dead(token["access_token"])
    assert pool.api.refresh(token["refresh_token"]).status == 401


def test_access_token_never_outlives_its_session(deploy: Deploy) -> None:
    pool = deploy(session_lifetime=1000, session_idle_timeout=800)
    user = pool.user()
    token = user.sign_in()
    assert token["refresh_expires_in"] == 800
    pool.clock.advance(790)
    token = pool.api.refresh(token["refresh_token"]).json
    (row,) = user.session_rows()
    assert 200 < token["refresh_expires_in"] <= 210
    end = row["expires_at"].replace(tzinfo=timezone.utc).timestamp()
    pool.clock.advance(100)
    fresh = renewed(pool, token["access_token"])
    for access_token in (token["access_token"], fresh):
        assert claims(access_token)["exp"] == int(end)
    pool.clock.advance(120)
    assert pool.dead(fresh)
    assert pool.api.refresh(token["refresh_token"]).status == 401


def test_use_keeps_a_session_from_idling(deploy: Deploy) -> None:
    pool = deploy(session_idle_timeout=500, renew_window=3600)
    token = pool.user().sign_in()
    access_token = token["access_token"]
    for _ in range(4):
        pool.clock.advance(250)
        access_token = renewed(pool, access_token)
    assert pool.api.refresh(token["refresh_token"]).status == 200
