"""The form of the good answers: members, types, ids and times, and the access
token as somebody else's library reads it."""

import hashlib
from datetime import datetime, timedelta, timezone

import jwt
import pytest

from api import ID, Api, moment
from encoding import RefreshToken, decode
from pool import Pool, User
from waiting import until

TOKEN_ANSWER = {"access_token", "token_type", "expires_in", "refresh_token",
                "refresh_expires_in", "session_id", "user_id"}
SESSION = {"session_id", "current", "device", "ip", "user_agent",
           "created_at", "last_used_at", "expires_at"}


@pytest.fixture
def user(pool: Pool) -> User:
    return pool.user()


def near_now(text: str) -> bool:
    return abs(moment(text) - datetime.now(timezone.utc)) < timedelta(
        minutes=1)


def check_token_answer(answer: dict, user: User) -> None:
    assert answer.keys() == TOKEN_ANSWER
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 300
    assert answer["refresh_expires_in"] == 7 * 24 * 3600
    assert ID.fullmatch(answer["session_id"])
    assert answer["user_id"] == user.user_id


def test_signup(api: Api) -> None:
    answer = api.signup("A-New-Person", "a long pass phrase")
    assert answer.status == 201, answer
    made = answer.json
    assert made.keys() == {"user_id", "login", "created_at"}
    assert ID.fullmatch(made["user_id"])
    assert made["login"] == "a-new-person"
    assert near_now(made["created_at"])


def test_login_and_refresh(api: Api, user: User) -> None:
    token = user.sign_in(device="my phone")
    check_token_answer(token, user)
    refreshed = api.refresh(token["refresh_token"])
    assert refreshed.status == 200
    check_token_answer(refreshed.json, user)
    assert refreshed.json["session_id"] == token["session_id"]


def test_every_login_is_a_new_session(user: User) -> None:
    first, second = user.sign_in(), user.sign_in()
    for member in ("session_id", "access_token", "refresh_token"):
        assert first[member] != second[member]


def test_refresh_token(pool: Pool, user: User) -> None:
    token = user.sign_in()
    parts = RefreshToken.read(token["refresh_token"])
    assert parts.text() == token["refresh_token"]
    assert parts.session_id == decode(token["session_id"])
    (row,) = user.session_rows()
    assert (row["generation"], row["refresh_key_id"]) == (
        parts.generation, parts.key_id)
    # The database has a hash of the seed, never the seed.
    assert parts.seed not in b"".join(
        value for value in row.values() if isinstance(value, bytes))


def test_access_token_by_another_library(pool: Pool, api: Api) -> None:
    user = pool.user("editor", "a.b_c-d")
    token = user.sign_in()
    header = jwt.get_unverified_header(token["access_token"])
    keys = jwt.PyJWKSet.from_dict(
        api.get("/.well-known/jwks.json").json).keys
    (key,) = [key for key in keys if key.key_id == header["kid"]]
    assert header == {"alg": "ES256", "typ": "at+jwt", "kid": header["kid"]}
    claims = jwt.decode(token["access_token"], key.key, algorithms=["ES256"],
                        audience=pool.issuer, issuer=pool.issuer)
    assert claims.keys() == {"iss", "sub", "aud", "exp", "iat", "jti", "sid",
                             "roles", "client_id", "epoch", "gepoch", "gen"}
    assert claims["sub"] == user.user_id == token["user_id"]
    assert claims["sid"] == token["session_id"]
    assert claims["aud"] == pool.issuer
    assert claims["client_id"] == "latchkey"
    assert sorted(claims["roles"]) == ["a.b_c-d", "editor"]
    assert claims["exp"] == claims["iat"] + 300
    assert abs(claims["iat"] - datetime.now().timestamp()) < 60
    assert ID.fullmatch(claims["jti"])
    assert decode(claims["jti"])[6] >> 4 == 7, "a UUIDv7"
    assert decode(claims["sid"])[6] >> 4 == 7, "a UUIDv7"
    assert claims["epoch"] == user.epoch()
    assert (claims["gepoch"], claims["gen"]) == (
        0, RefreshToken.read(token["refresh_token"]).generation)


def test_jwks(api: Api) -> None:
    answer = api.get("/.well-known/jwks.json")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    (key,) = answer.json["keys"]
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == (
        "EC", "P-256", "ES256", "sig")
    assert "d" not in key
    # The kid is the thumbprint (RFC 7638).
    digest = jwt.utils.base64url_encode(thumbprint(key)).decode()
    assert key["kid"] == digest


def thumbprint(key: dict) -> bytes:
    text = '{{"crv":"{crv}","kty":"{kty}","x":"{x}","y":"{y}"}}'
    return hashlib.sha256(text.format(**key).encode()).digest()


def test_account(pool: Pool, api: Api) -> None:
    user = pool.user("editor")
    answer = api.get("/account", user.sign_in()["access_token"])
    assert answer.status == 200, answer
    account = answer.json
    assert account.keys() == {"user_id", "login", "roles", "status",
                              "created_at", "claims"}
    assert account["user_id"] == user.user_id
    assert account["login"] == user.login
    assert account["roles"] == ["editor"]
    assert account["status"] == "active"
    assert account["claims"] == {}
    assert near_now(account["created_at"])


def test_account_sees_changes_of_the_same_second(pool: Pool, api: Api
                                                 ) -> None:
    user = pool.user()
    token = user.sign_in()["access_token"]
    assert api.get("/account", token).json["roles"] == []
    pool.ctl("user", "roles", user.login, "editor")
    until(lambda: pool.dead(token), "the feed brings it")


def test_sessions(api: Api, user: User) -> None:
    first = user.sign_in(device="phone ☎")
    second = user.sign_in()
    answer = api.get("/sessions", second["access_token"],
                     headers={"User-Agent": "unused"})
    assert answer.status == 200, answer
    assert answer.json.keys() == {"sessions"}
    rows = answer.json["sessions"]
    assert [row["session_id"] for row in rows] == [
        second["session_id"], first["session_id"]]
    assert [row["current"] for row in rows] == [True, False]
    assert rows[1]["device"] == "phone ☎"
    for row in rows:
        assert row.keys() == SESSION
        assert row["ip"] == "127.0.0.1"
        assert near_now(row["created_at"]) and near_now(row["last_used_at"])
        assert (moment(row["expires_at"]) - moment(row["created_at"])
                == timedelta(days=90))
    # Newest use first, not newest session.
    api.refresh(first["refresh_token"])
    rows = api.get("/sessions", second["access_token"]).json["sessions"]
    assert [row["session_id"] for row in rows] == [
        first["session_id"], second["session_id"]]


def test_user_agent_is_kept(api: Api, user: User) -> None:
    answer = api.post("/login",
                      {"login": user.login, "password": user.password},
                      headers={"User-Agent": "Test/1 " + "é" * 300})
    (row,) = api.get("/sessions",
                     answer.json["access_token"]).json["sessions"]
    assert row["user_agent"].startswith("Test/1 ")
    assert len(row["user_agent"].encode()) <= 255


def test_verify(pool: Pool, api: Api) -> None:
    user = pool.user("editor", "reader")
    token = user.sign_in()
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE",
                   "OPTIONS"):
        answer = api.call(method, "/verify", token=token["access_token"])
        assert answer.status == 204, (method, answer)
        assert answer.body == b""
        headers = answer.headers
        assert headers["X-Auth-User"] == user.user_id
        assert headers["X-Auth-Session"] == token["session_id"]
        assert sorted(headers["X-Auth-Roles"].split(",")) == [
            "editor", "reader"]
        left = (moment(headers["X-Auth-Expires"])
                - datetime.now(timezone.utc))
        assert timedelta(seconds=200) < left <= timedelta(seconds=300)
    for role in ("editor", "reader"):
        answer = api.get(f"/verify/{role}", token["access_token"])
        assert answer.status == 204, answer
        assert answer.headers["X-Auth-User"] == user.user_id


def test_verify_ignores_the_body_of_the_request_asked_about(
        pool: Pool, api: Api) -> None:
    token = pool.user().sign_in()["access_token"]
    answer = api.post("/verify", body=b"not { json", token=token,
                      content_type="text/plain")
    assert answer.status == 204, answer


def test_verify_without_roles(api: Api, user: User) -> None:
    answer = api.get("/verify", user.sign_in()["access_token"])
    assert answer.headers.get("X-Auth-Roles", "") == ""


def test_operation(api: Api) -> None:
    for path in ("/health", "/ready"):
        answer = api.get(path)
        assert answer.status == 200, answer
        assert answer.headers["Cache-Control"] == "no-store"


def test_delete_session(pool: Pool, api: Api, user: User) -> None:
    mine, other = user.sign_in(), user.sign_in()
    path = "/sessions/" + other["session_id"]
    answer = api.call("DELETE", path, token=mine["access_token"])
    assert (answer.status, answer.body) == (204, b""), answer
    assert pool.dead(other["access_token"])
    assert api.refresh(other["refresh_token"]).code == "invalid_refresh_token"
    assert pool.api.verify(mine["access_token"]) == 204
    again = api.call("DELETE", path, token=mine["access_token"])
    assert (again.status, again.code) == (404, "not_found")
    own = api.call("DELETE", "/sessions/" + mine["session_id"],
                   token=mine["access_token"])
    assert own.status == 204
    assert pool.dead(mine["access_token"])


def test_sessions_of_others_are_not_there(pool: Pool, api: Api, user: User
                                          ) -> None:
    theirs, mine = pool.user().sign_in(), user.sign_in()
    for session in (theirs["session_id"], "A" * 22):
        answer = api.call("DELETE", "/sessions/" + session,
                          token=mine["access_token"])
        assert (answer.status, answer.code) == (404, "not_found")
    assert api.verify(theirs["access_token"]) == 204
    listed = api.get("/sessions", mine["access_token"]).json["sessions"]
    assert [row["session_id"] for row in listed] == [mine["session_id"]]


@pytest.mark.parametrize("session", [
    "x", "A" * 21, "A" * 23, "A" * 21 + "B", "A" * 21 + "=", "A" * 21 + "*",
    "A" * 21 + "%41", "~", "%c3%a9"])
def test_no_session_ids(api: Api, user: User, session: str) -> None:
    answer = api.call("DELETE", "/sessions/" + session,
                      token=user.sign_in()["access_token"])
    assert (answer.status, answer.code) == (404, "not_found"), answer


def test_logout_all(pool: Pool, api: Api, user: User) -> None:
    tokens = [user.sign_in() for _ in range(3)]
    other = pool.user().sign_in()
    answer = api.post("/logout-all", token=tokens[1]["access_token"])
    assert (answer.status, answer.json) == (200, {"ended": 3}), answer
    for token in tokens:
        assert pool.dead(token["access_token"])
        assert api.refresh(token["refresh_token"]).status == 401
    assert api.verify(other["access_token"]) == 204
    # In the same second too (ASVS 7.4): a session opened now lives.
    assert api.verify(user.sign_in()["access_token"]) == 204
