"""OAuth: /token, /introspect, /revoke, the metadata, and the clients that may
introspect."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import fcgi
from api import FORM, JSON, Answer, Api
from encoding import RefreshToken, decode, encode
from endings import ENDINGS, Ending
from mariadb import MariaDB
from pool import Deploy, Pool, User
from waiting import until
from webserver import Apache, Lighttpd, Nginx, WebServer

METADATA = "/.well-known/oauth-authorization-server"
INACTIVE = b'{"active":false}'
REFUSED, USAGE, UNAVAILABLE = 1, 2, 3


@dataclass
class Client:
    id: str
    secret: str

    @property
    def pair(self) -> tuple[str, str]:
        return self.id, self.secret


def make_client(pool: Pool, client_id: str) -> Client:
    made = pool.ctl_json("client", "add", client_id)
    assert made.keys() == {"client_id", "client_secret"}
    return Client(made["client_id"], made["client_secret"])


@pytest.fixture(scope="module")
def client(pool: Pool) -> Client:
    return make_client(pool, "Api.gateway_1-a")


@pytest.fixture
def user(pool: Pool) -> User:
    return pool.user()


def rotate(api: Api, refresh_token: str, **more) -> Answer:
    return api.form("/token", {"grant_type": "refresh_token",
                               "refresh_token": refresh_token, **more})


def introspect(pool: Pool, client: Client, token: str, **more) -> Answer:
    return pool.api.form("/introspect", {"token": token, **more},
                         basic=client.pair)


def active(pool: Pool, client: Client, token: str) -> bool:
    answer = introspect(pool, client, token)
    assert answer.status == 200, answer
    if not answer.json["active"]:
        assert answer.body == INACTIVE
    return answer.json["active"]


def claims_of(access_token: str) -> dict[str, Any]:
    return json.loads(decode(access_token.split(".")[1]))


def spoiled(token: str) -> str:
    """With another character in the middle of its MAC or signature."""
    return token[:-8] + ("A" if token[-8] != "A" else "B") + token[-7:]


def written(pool: Pool) -> dict[str, list[dict]]:
    """Everything that a request about a session could change."""
    return {table: pool.database.sql(f"SELECT * FROM {table} ORDER BY 1")
            for table in ("session", "user", "revocation", "audit", "client")}


def refused(answer: Answer, status: int, error: str) -> None:
    assert (answer.status, answer.error) == (status, error), answer
    assert answer.headers["Cache-Control"] == "no-store"


# ---- the form of requests and of refusals -----------------------------------

PATHS = ["/token", "/introspect", "/revoke"]

# Each would do, but for the one thing that is wrong with it.
RIGHT = b"grant_type=refresh_token&token=x&refresh_token=x"

NO_FORM = {
    "empty": b"",
    "twice": RIGHT + b"&token=x&grant_type=refresh_token",
    "twice by another spelling": RIGHT + b"&t%6fken=x&grant%5Ftype=x",
    "once without a value": RIGHT + b"&token=&grant_type",
    "client twice": RIGHT + b"&client_id=latchkey&client_id=latchkey",
    "cut short": RIGHT + b"&x=%2",
    "no hexadecimal": RIGHT + b"&x=%zz",
    "NUL": RIGHT + b"&x=%00",
    "raw NUL": RIGHT + b"&x=\0",
    "no UTF-8": RIGHT + b"&x=%ff",
    "overlong UTF-8": RIGHT + b"&x=%c0%af",
    "no UTF-8 in a name": RIGHT + b"&%ff=x",
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", NO_FORM.values(), ids=NO_FORM)
def test_forms(api: Api, path: str, body: bytes) -> None:
    refused(api.form(path, body), 400, "invalid_request")


@pytest.mark.parametrize("path, params", [
    ("/token", "refresh_token=x"),
    ("/token", "grant_type=&refresh_token=x"),
    ("/token", "grant_type=refresh_token"),
    ("/token", "grant_type=refresh_token&refresh_token="),
    ("/introspect", "token_type_hint=access_token"),
    ("/introspect", "token="),
    ("/revoke", "token_type_hint=refresh_token"),
    ("/revoke", "token"),
])
def test_something_is_missing(api: Api, client: Client, path: str, params: str
                              ) -> None:
    basic = client.pair if path == "/introspect" else None
    answer = api.form(path, params.encode(), basic=basic)
    refused(answer, 400, "invalid_request")
    assert "is missing" in answer.json["error_description"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("content_type, status", [
    ("application/x-www-form-urlencoded", 400),
    ("Application/X-WWW-Form-URLEncoded; charset=UTF-8", 400),
    ("application/json", 415), ("text/plain", 415), ("", 415),
    ("application/x-www-form-urlencoded2", 415),
    ("multipart/form-data; boundary=x", 415),
])
def test_content_types(api: Api, path: str, content_type: str, status: int
                       ) -> None:
    answer = api.form(path, b"x=y", content_type=content_type)
    refused(answer, status, "invalid_request")


@pytest.mark.parametrize("path", PATHS)
def test_other_refusals(api: Api, path: str) -> None:
    """Each of them in the form that an OAuth client reads."""
    padding = b"&x=" + b"y" * (16 * 1024 + 1 - len(RIGHT) - 3)
    refused(api.form(path, RIGHT + padding), 413, "invalid_request")
    assert api.form(path, RIGHT + padding[:-1]).status in (200, 400, 401)
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        answer = api.call(method, path, content_type=FORM)
        refused(answer, 405, "invalid_request")
        assert answer.headers["Allow"] == "POST"
    assert api.raw("HEAD", api.mount + path).status == 405


def test_body_that_does_not_come(deploy: Deploy) -> None:
    pool = deploy(request_timeout=1)
    for path in PATHS:
        with fcgi.Connection(pool.socket) as connection:
            connection.send(fcgi.head(fcgi.variables(
                "POST", "/auth" + path, 10, CONTENT_TYPE=FORM)))
            answer = connection.answer()
        refused(answer, 408, "invalid_request")


def test_only_the_session_pool_has_them(pool: Pool) -> None:
    for method, target in [*(("POST", "/auth" + path) for path in PATHS),
                           ("GET", "/auth" + METADATA), ("GET", METADATA),
                           ("GET", METADATA + "/auth")]:
        answer = fcgi.call(pool.verify_socket, method, target)
        assert (answer.status, answer.code) == (404, "not_found"), target


# ---- the public client ------------------------------------------------------

def basic(text: str) -> dict[str, str]:
    return {"Authorization":
            "Basic " + base64.b64encode(text.encode()).decode()}


# What comes beside the token: form parameters, headers.
ANOTHER_CLIENT = {
    "other": ({"client_id": "other"}, {}),
    "case": ({"client_id": "Latchkey"}, {}),
    "part": ({"client_id": "latch"}, {}),
    "secret": ({"client_id": "latchkey", "client_secret": "x"}, {}),
    "secret alone": ({"client_secret": "x"}, {}),
    "basic": ({}, basic("latchkey:")),
    "basic with a secret": ({}, basic("latchkey:x")),
    "basic and id": ({"client_id": "latchkey"}, basic("latchkey:")),
    "basic and secret": ({"client_secret": "x"}, basic("latchkey:x")),
    "digest": ({}, {"Authorization": "Digest x"}),
    "empty": ({}, {"Authorization": "Basic"}),
}

# The public client, however it says so.
OURS = {
    "nothing": ({}, {}),
    "id": ({"client_id": "latchkey"}, {}),
    "no value": ({"client_id": "", "client_secret": ""}, {}),
    "bearer": ({}, {"Authorization": "Bearer x"}),
    "cookie": ({}, {"Cookie": "__Host-lk_at=x; __Secure-lk_rt=y"}),
    "unknown": ({"resource": "https://a", "audience": "b"}, {}),
}


@pytest.mark.parametrize("params, headers", ANOTHER_CLIENT.values(),
                         ids=ANOTHER_CLIENT)
def test_another_client(pool: Pool, user: User, params: dict, headers: dict
                        ) -> None:
    token = user.sign_in()
    before = written(pool)
    for path, more in [
            ("/token", {"grant_type": "refresh_token",
                        "refresh_token": token["refresh_token"]}),
            ("/revoke", {"token": token["refresh_token"]}),
            ("/revoke", {"token": token["access_token"]})]:
        answer = pool.api.form(path, {**more, **params}, headers=headers)
        refused(answer, 401, "invalid_client")
    assert written(pool) == before


def test_confidential_client_has_no_tokens(pool: Pool, user: User,
                                           client: Client) -> None:
    token = user.sign_in()
    for more in ({"basic": client.pair}, {"headers": {}}):
        answer = pool.api.form("/token", {
            "grant_type": "refresh_token", "client_id": client.id,
            "refresh_token": token["refresh_token"]}, **more)
        refused(answer, 401, "invalid_client")


@pytest.mark.parametrize("params, headers", OURS.values(), ids=OURS)
def test_our_client(pool: Pool, user: User, params: dict, headers: dict
                    ) -> None:
    token = user.sign_in()
    answer = pool.api.form("/token", {
        "grant_type": "refresh_token",
        "refresh_token": token["refresh_token"], **params}, headers=headers)
    assert answer.status == 200, answer
    answer = pool.api.form("/revoke", {
        "token": answer.json["refresh_token"], **params}, headers=headers)
    assert answer.status == 200, answer
    assert user.session_rows() == []


def test_client_id_of_the_settings(deploy: Deploy) -> None:
    pool = deploy(client_id="my-app")
    token = pool.user().sign_in()
    refused(rotate(pool.api, token["refresh_token"], client_id="latchkey"),
            401, "invalid_client")
    answer = rotate(pool.api, token["refresh_token"], client_id="my-app")
    assert answer.status == 200, answer
    assert claims_of(answer.json["access_token"])["client_id"] == "my-app"


# ---- /token -----------------------------------------------------------------

def test_rotation(pool: Pool, user: User) -> None:
    first = user.sign_in()
    answer = rotate(pool.api, first["refresh_token"])
    assert answer.status == 200, answer
    assert answer.headers.get_content_type() == JSON
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    second = answer.json
    assert second.keys() == {
        "access_token", "token_type", "expires_in", "refresh_token",
        "refresh_expires_in", "session_id", "user_id"}
    assert second["token_type"] == "Bearer"
    assert second["expires_in"] == 300
    assert second["session_id"] == first["session_id"]
    assert second["user_id"] == user.user_id
    old, new = (RefreshToken.read(token["refresh_token"])
                for token in (first, second))
    assert new.generation == old.generation + 1
    assert pool.api.verify(second["access_token"]) == 204
    # The parent within grace, here and at /refresh: the same successor.
    again = rotate(pool.api, first["refresh_token"])
    assert again.json["refresh_token"] == second["refresh_token"]
    refreshed = pool.api.refresh(first["refresh_token"])
    assert refreshed.json["refresh_token"] == second["refresh_token"]


def test_theft_ends_the_session(pool: Pool, user: User) -> None:
    """I2, I7: also where the thief comes this way."""
    first = user.sign_in()
    second = rotate(pool.api, first["refresh_token"]).json
    third = rotate(pool.api, second["refresh_token"]).json
    refused(rotate(pool.api, first["refresh_token"]), 400, "invalid_grant")
    assert user.session_rows() == []
    for token in (first, second, third):
        assert pool.dead(token["access_token"])
        refused(rotate(pool.api, token["refresh_token"]), 400,
                "invalid_grant")
    events = pool.database.sql(
        "SELECT event FROM audit WHERE session_id = %s ORDER BY audit_id",
        decode(first["session_id"]))
    assert events[-1]["event"] == "refresh_token_reused"


def test_parent_after_grace(deploy: Deploy) -> None:
    pool = deploy()
    user = pool.user()
    first = user.sign_in()
    assert rotate(pool.api, first["refresh_token"]).status == 200
    pool.clock.advance(31)
    refused(rotate(pool.api, first["refresh_token"]), 400, "invalid_grant")
    assert user.session_rows() == []


def grants_that_are_none(pool: Pool, user: User) -> dict[str, str]:
    token = user.sign_in()
    ended = user.sign_in()
    pool.api.post("/logout", token=ended["access_token"])
    text = token["refresh_token"]
    return {"garbage": "x", "access token": token["access_token"],
            "of an ended session": ended["refresh_token"],
            "spoiled": spoiled(text), "longer": text + "A",
            "shorter": text[:-1], "padded": text + "=", "in blanks":
            f" {text}", "long": "A" * 16000, "not ASCII": text + "ä"}


def test_invalid_grants(pool: Pool, user: User) -> None:
    for name, text in grants_that_are_none(pool, user).items():
        answer = rotate(pool.api, text)
        assert (answer.status, answer.error) == (400, "invalid_grant"), name


def test_suspended_user(pool: Pool, user: User) -> None:
    token = user.sign_in()
    pool.suspend(user)
    refused(rotate(pool.api, token["refresh_token"]), 400, "invalid_grant")
    assert user.session_rows() == []
    assert pool.dead(token["access_token"])


@pytest.mark.parametrize("grant_type", [
    "password", "authorization_code", "client_credentials", "Refresh_Token",
    "refresh_token ", "urn:ietf:params:oauth:grant-type:token-exchange"])
def test_other_grant_types(pool: Pool, user: User, grant_type: str) -> None:
    token = user.sign_in()
    before = written(pool)
    for more in ({"refresh_token": token["refresh_token"]},
                 {"username": user.login, "password": user.password},
                 {"scope": "x"}, {}):
        answer = pool.api.form("/token", {"grant_type": grant_type, **more})
        refused(answer, 400, "unsupported_grant_type")
    assert written(pool) == before


def test_scope(pool: Pool, user: User) -> None:
    token = user.sign_in()
    before = written(pool)
    for scope in ("openid", "offline_access profile", " "):
        answer = rotate(pool.api, token["refresh_token"], scope=scope)
        refused(answer, 400, "invalid_scope")
    assert written(pool) == before
    answer = rotate(pool.api, token["refresh_token"], scope="")
    assert answer.status == 200, "as if it were not there"


def test_query_and_cookies_bring_no_token(pool: Pool, user: User) -> None:
    token = user.sign_in()
    before = written(pool)
    query = f"?grant_type=refresh_token&refresh_token={token['refresh_token']}"
    cookies = {"Cookie": f"__Host-lk_at={token['access_token']};"
                         f" __Secure-lk_rt={token['refresh_token']}"}
    for target, body in (("/token" + query, b""),
                         ("/token", b"grant_type=refresh_token")):
        answer = pool.api.raw("POST", "/auth" + target, body,
                              {**cookies, "Content-Type": FORM})
        refused(answer, 400, "invalid_request")
    assert written(pool) == before


# ---- /introspect: the client ------------------------------------------------

def test_both_ways_to_authenticate(pool: Pool, user: User, client: Client
                                   ) -> None:
    token = user.sign_in()["access_token"]
    post = {"client_id": client.id, "client_secret": client.secret}
    plain = basic(f"{client.id}:{client.secret}")
    everything = basic(":".join(
        "".join(f"%{byte:02X}" for byte in half.encode())
        for half in client.pair))
    for params, headers in [
            (post, {}), ({}, plain), ({}, everything),
            ({"client_id": client.id}, plain),
            (post, {"Authorization": f"Bearer {token}"}),
            ({}, {"Authorization":
                  plain["Authorization"].replace("Basic", "basic")})]:
        answer = pool.api.form("/introspect", {"token": token, **params},
                               headers=headers)
        assert answer.status == 200 and answer.json["active"], (params, answer)


def test_clients_that_are_refused(pool: Pool, user: User, client: Client
                                  ) -> None:
    gone = make_client(pool, "gone")
    pool.ctl("client", "delete", "gone")
    token = user.sign_in()["access_token"]
    name, secret = client.pair
    attempts: dict[str, tuple[dict, dict]] = {
        "none": ({}, {}),
        "id alone": ({"client_id": name}, {}),
        "secret alone": ({"client_secret": secret}, {}),
        "empty secret": ({"client_id": name, "client_secret": ""}, {}),
        "wrong secret": ({"client_id": name, "client_secret": "x"}, {}),
        "longer secret": ({"client_id": name, "client_secret": secret + "A"},
                          {}),
        "shorter secret": ({"client_id": name, "client_secret": secret[:-1]},
                           {}),
        "unknown id": ({"client_id": "nobody", "client_secret": secret}, {}),
        "case": ({"client_id": name.lower(), "client_secret": secret}, {}),
        "blank": ({"client_id": name + " ", "client_secret": secret}, {}),
        "no id at all": ({"client_id": "ä'\"%", "client_secret": secret}, {}),
        "public client": ({"client_id": "latchkey"}, {}),
        "deleted": ({"client_id": gone.id, "client_secret": gone.secret}, {}),
        "hash": ({"client_id": name, "client_secret": encode(
            pool.database.one("SELECT secret_hash FROM client"
                              " WHERE client_id = %s", name))}, {}),
        "basic, wrong": ({}, basic(f"{name}:x")),
        "basic, unknown": ({}, basic(f"nobody:{secret}")),
        "basic, empty": ({}, basic(f"{name}:")),
        "basic, swapped": ({}, basic(f"{secret}:{name}")),
        "basic, no colon": ({}, basic(name)),
        "basic, no base64": ({}, {"Authorization": f"Basic {name}:{secret}"}),
        "basic, nothing": ({}, {"Authorization": "Basic"}),
        "basic twice": ({}, {"Authorization": 2 * (
            basic(f"{name}:{secret}")["Authorization"] + ", ")}),
        "bearer": ({}, {"Authorization": f"Bearer {token}"}),
        "bearer secret": ({}, {"Authorization": f"Bearer {secret}"}),
        "user": ({}, basic(f"{user.login}:{user.password}")),
    }
    bodies = set()
    for what, (params, headers) in attempts.items():
        answer = pool.api.form("/introspect", {"token": token, **params},
                               headers=headers)
        assert (answer.status, answer.error) == (401, "invalid_client"), what
        bodies.add(answer.body)
    assert len(bodies) == 1, "unknown or wrong, it is the same answer"


def test_two_ways_at_once(pool: Pool, user: User, client: Client) -> None:
    """RFC 6749, 2.3: no more than one in each request."""
    token = user.sign_in()["access_token"]
    for basic_pair, params in [
            (client.pair, {"client_id": client.id,
                           "client_secret": client.secret}),
            (client.pair, {"client_secret": client.secret}),
            (client.pair, {"client_secret": "x"}),
            (("x", "x"), {"client_id": client.id,
                          "client_secret": client.secret}),
            (client.pair, {"client_id": "other"})]:
        answer = pool.api.form("/introspect", {"token": token, **params},
                               basic=basic_pair)
        refused(answer, 400, "invalid_request")


# ---- /introspect: the token -------------------------------------------------

def test_access_token(pool: Pool, client: Client) -> None:
    user = pool.user("reader", "editor")
    token = user.sign_in()
    claims = claims_of(token["access_token"])
    for hint in ({}, {"token_type_hint": "access_token"},
                 {"token_type_hint": "refresh_token"},
                 {"token_type_hint": "x"}):
        answer = introspect(pool, client, token["access_token"], **hint)
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers.get_content_type() == JSON
        assert answer.json == {
            "active": True, "token_type": "Bearer",
            **{name: claims[name] for name in (
                "iss", "sub", "aud", "exp", "iat", "jti", "client_id", "sid",
                "roles")}}
        assert answer.json["sub"] == user.user_id
        assert answer.json["sid"] == token["session_id"]
        assert sorted(answer.json["roles"]) == ["editor", "reader"]


def test_refresh_token(pool: Pool, user: User, client: Client) -> None:
    token = user.sign_in()
    (row,) = user.session_rows()
    for hint in ({}, {"token_type_hint": "access_token"},
                 {"token_type_hint": "refresh_token"}):
        answer = introspect(pool, client, token["refresh_token"], **hint)
        assert answer.status == 200
        told = answer.json
        issued, ends = told.pop("iat"), told.pop("exp")
        assert ends - issued == 7 * 24 * 3600
        assert told == {"active": True, "iss": pool.issuer,
                        "sub": user.user_id, "client_id": "latchkey",
                        "sid": token["session_id"],
                        # RFC 8693, 2.2.1: it is no access token.
                        "token_type": "N_A"}
    assert user.session_rows() == [row]


def test_inactive(pool: Pool, user: User, client: Client) -> None:
    first = user.sign_in()
    second = rotate(pool.api, first["refresh_token"]).json
    third = rotate(pool.api, second["refresh_token"]).json
    read = RefreshToken.read(third["refresh_token"])
    assert active(pool, client, third["refresh_token"])
    before = written(pool)
    for what, token in {
            "garbage": "x", "blanks": "  ", "three parts": "a.b.c",
            "not ASCII": "ä", "long": "A" * 16000,
            "parent within grace": second["refresh_token"],
            "older": first["refresh_token"],
            "spoiled refresh token": spoiled(third["refresh_token"]),
            "next generation": RefreshToken(
                read.key_id, read.session_id, read.generation + 1, read.seed,
                read.mac).text(),
            "spoiled access token": spoiled(third["access_token"]),
            "no signature": third["access_token"].rsplit(".", 1)[0] + ".",
            "two tokens": f"{third['access_token']} {third['access_token']}",
            "in blanks": f" {third['access_token']}"}.items():
        answer = introspect(pool, client, token)
        assert (answer.status, answer.body) == (200, INACTIVE), what
        assert answer.headers["Cache-Control"] == "no-store"
    assert written(pool) == before, "no theft, and not a word of it"
    assert rotate(pool.api, third["refresh_token"]).status == 200


@pytest.mark.parametrize("end", ENDINGS)
def test_inactive_at_once(pool: Pool, user: User, client: Client, end: Ending
                          ) -> None:
    token = user.sign_in()
    assert active(pool, client, token["access_token"])
    assert active(pool, client, token["refresh_token"])
    end(pool, user, token)
    assert not active(pool, client, token["access_token"])
    assert not active(pool, client, token["refresh_token"])


def forge(pool: Pool, token: str, seed: bytes) -> None:
    """Gives a session another seed, as a restored backup would."""
    pool.database.sql(
        "UPDATE session SET seed_hash = %s WHERE session_id = %s", seed,
        RefreshToken.read(token).session_id)


# What makes a current refresh token inactive without an ending.
STATES: dict[str, Callable[[Pool, User, str], None]] = {
    "suspended": lambda pool, user, token: pool.suspend(user),
    "password changed": lambda pool, user, token: pool.database.sql(
        "UPDATE user SET password_hash = 'x' WHERE login = %s", user.login),
    "idle for too long": lambda pool, user, token:
        pool.clock.advance(7 * 24 * 3600 + 1),
    "session expired": lambda pool, user, token: pool.database.sql(
        "UPDATE session SET expires_at = UTC_TIMESTAMP(6)"
        " - INTERVAL 1 SECOND WHERE session_id = %s",
        RefreshToken.read(token).session_id),
    "of another seed": lambda pool, user, token:
        forge(pool, token, bytes(32)),
    "of the future": lambda pool, user, token: pool.database.sql(
        "UPDATE session SET generation = 0 WHERE session_id = %s",
        RefreshToken.read(token).session_id),
    "deleted": lambda pool, user, token: pool.database.sql(
        "DELETE FROM session WHERE session_id = %s",
        RefreshToken.read(token).session_id),
}


def test_states_of_a_refresh_token(deploy: Deploy) -> None:
    """It is looked at and left alone, whatever is found."""
    pool = deploy()
    client = make_client(pool, "rs")
    for what, change in STATES.items():
        user = pool.user()
        token = user.sign_in()["refresh_token"]
        assert active(pool, client, token), what
        change(pool, user, token)
        before = written(pool)
        assert not active(pool, client, token), what
        assert written(pool) == before, what


def test_expired_access_token(deploy: Deploy) -> None:
    pool = deploy()
    client = make_client(pool, "rs")
    token = pool.user().sign_in()
    pool.clock.advance(150)
    assert active(pool, client, token["access_token"])
    pool.clock.advance(200)
    assert not active(pool, client, token["access_token"])
    told = introspect(pool, client, token["refresh_token"]).json
    assert told["active"] and told["exp"] - told["iat"] == 7 * 24 * 3600


# ---- /revoke ----------------------------------------------------------------

def revoke(pool: Pool, token: str, **more) -> None:
    answer = pool.api.form("/revoke", {"token": token, **more})
    assert (answer.status, answer.body) == (200, b""), answer
    assert answer.headers["Cache-Control"] == "no-store"


def revocations(pool: Pool, session: bytes) -> list[dict]:
    return pool.database.sql(
        "SELECT * FROM revocation WHERE target = %s", session)


# Which of the tokens of a session that was refreshed twice.
@pytest.mark.parametrize("generation, name", [
    (2, "access_token"), (2, "refresh_token"), (1, "refresh_token"),
    (0, "refresh_token"), (0, "access_token")])
@pytest.mark.parametrize("hint", [
    {}, {"token_type_hint": "access_token"},
    {"token_type_hint": "refresh_token"}, {"token_type_hint": "x"}],
    ids=lambda hint: "".join(hint.values()))
def test_revoke(pool: Pool, user: User, generation: int, name: str, hint: dict
                ) -> None:
    other = user.sign_in()
    tokens = [user.sign_in()]
    for _ in range(2):
        tokens.append(rotate(pool.api, tokens[-1]["refresh_token"]).json)
    revoke(pool, tokens[generation][name], **hint)
    for token in tokens:
        assert pool.dead(token["access_token"])
        refused(rotate(pool.api, token["refresh_token"]), 400,
                "invalid_grant")
    session = decode(tokens[0]["session_id"])
    assert [row["event"] for row in pool.database.sql(
        "SELECT event FROM audit WHERE session_id = %s ORDER BY audit_id",
        session)] == ["login", "logout"]
    # Again: the ending is written once more, so that it surely is on disk
    # before this answer tells of it (I5).
    (before,) = revocations(pool, session)
    revoke(pool, tokens[generation][name], **hint)
    (after,) = revocations(pool, session)
    assert after["expires_at"] > before["expires_at"]
    assert pool.api.verify(other["access_token"]) == 204, "another session"
    assert len(user.session_rows()) == 1


def test_revoke_by_an_expired_access_token(deploy: Deploy) -> None:
    pool = deploy()
    user = pool.user()
    token = user.sign_in()
    pool.clock.advance(1000)
    revoke(pool, token["access_token"])
    assert user.session_rows() == []
    refused(rotate(pool.api, token["refresh_token"]), 400, "invalid_grant")


def test_revoke_what_is_no_token(pool: Pool, user: User) -> None:
    """RFC 7009, 2.2: no error, since there is nothing that a client could do
    about it."""
    token = user.sign_in()
    before = written(pool)
    for text in ("x", "a.b.c", "ä", "A" * 16000, encode(bytes(16)),
                 spoiled(token["access_token"]),
                 spoiled(token["refresh_token"]), token["session_id"],
                 " " + token["access_token"]):
        revoke(pool, text)
    assert written(pool) == before
    forge(pool, token["refresh_token"], bytes(32))
    revoke(pool, token["refresh_token"])
    assert len(user.session_rows()) == 1, "of another seed: not its session"


# ---- MariaDB away -----------------------------------------------------------

def test_mariadb_away(deploy: Deploy, own_server: MariaDB) -> None:
    """I6: what cannot be known is not said, and nothing gets lost."""
    pool = deploy(server=own_server)
    client = make_client(pool, "rs")
    token = pool.user().sign_in()
    forms = [("/token", {"grant_type": "refresh_token",
                         "refresh_token": token["refresh_token"]}, None)]
    for name in ("access_token", "refresh_token"):
        forms += [("/introspect", {"token": token[name]}, client.pair),
                  ("/revoke", {"token": token[name]}, None)]
    own_server.stop()
    for path, params, pair in forms:
        answer = pool.api.form(path, params, basic=pair)
        refused(answer, 503, "temporarily_unavailable")
    assert pool.api.get(METADATA).status == 200
    refused(pool.api.form("/token", {}), 400, "invalid_request")
    own_server.start()
    until(pool.api.ready, "well by itself")
    assert active(pool, client, token["access_token"])
    assert active(pool, client, token["refresh_token"])
    answer = rotate(pool.api, token["refresh_token"])
    assert answer.status == 200, answer


# ---- the metadata, and behind each web server -------------------------------

def check_metadata(pool: Pool, issuer: str, found: bytes) -> dict:
    endpoint = f"http://127.0.0.1:{pool.api.port}{pool.api.mount}"
    told = json.loads(found)
    assert told == {
        "issuer": issuer,
        "token_endpoint": f"{endpoint}/token",
        "introspection_endpoint": f"{endpoint}/introspect",
        "revocation_endpoint": f"{endpoint}/revoke",
        "jwks_uri": f"{endpoint}/.well-known/jwks.json",
        "grant_types_supported": ["refresh_token"],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "introspection_endpoint_auth_methods_supported": [
            "client_secret_basic", "client_secret_post"],
    }
    return told


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def places(pool: Pool, issuer: str) -> None:
    """A client makes the place out of the issuer (RFC 8414, 3.1)."""
    path = issuer.removeprefix(f"http://127.0.0.1:{pool.api.port}")
    answers = [pool.api.raw("GET", place) for place in (
        METADATA + path, METADATA + pool.api.mount,
        pool.api.mount + METADATA, METADATA + path + "?x=y")]
    assert {answer.status for answer in answers} == {200}, answers
    assert len({answer.body for answer in answers}) == 1
    check_metadata(pool, issuer, answers[0].body)
    for answer in answers:
        assert answer.headers["Cache-Control"] == "public, max-age=300"
        assert answer.headers.get_content_type() == JSON
    for place in (METADATA + "x", METADATA + pool.api.mount + "/x",
                  METADATA + "/other"):
        assert pool.api.raw("GET", place).status == 404, place
    if path:
        assert pool.api.raw("GET", METADATA).status == 404


@pytest.mark.parametrize("web", [Lighttpd, Nginx, Apache])
@pytest.mark.parametrize("mount", ["/auth", "/a/deeper/mount", ""],
                         ids=["auth", "deeper", "root"])
def test_web_servers(deploy: Deploy, web: type[WebServer], mount: str) -> None:
    # Apache runs as another user when the tests are root's.
    pool = deploy(web, mount=mount, socket_mode="0666")
    places(pool, pool.issuer)
    client = make_client(pool, "rs")
    token = pool.user().sign_in()
    told = json.loads(pool.api.raw("GET", METADATA + mount).body)
    assert pool.api.raw("GET", path_of(told["jwks_uri"])).status == 200
    api = Api(pool.api.port, "")
    assert path_of(told["token_endpoint"]) == mount + "/token"
    rotated = rotate(pool.api, token["refresh_token"]).json
    assert active(pool, client, rotated["access_token"])
    assert active(pool, client, rotated["refresh_token"])
    for wrong in ({"basic": ("rs", "x")}, {}):
        answer = pool.api.form("/introspect", {
            "token": rotated["access_token"]}, **wrong)
        refused(answer, 401, "invalid_client")
    revoke(pool, rotated["refresh_token"])
    assert not active(pool, client, rotated["access_token"])
    assert api.raw("POST", mount + METADATA).status in (405, 411)
    if mount:
        pool.restart(issuer=pool.issuer + mount)
        places(pool, pool.settings["issuer"])


def test_metadata_methods(api: Api) -> None:
    answer = api.call("PUT", METADATA)
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD"
    head = api.raw("HEAD", METADATA + "/auth")
    assert (head.status, head.body) == (200, b"")


def test_host_does_not_matter(pool: Pool) -> None:
    """The issuer is a setting, never what a client says (design 8)."""
    answer = pool.api.get(METADATA, headers={
        "Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    check_metadata(pool, pool.issuer, answer.body)


# ---- clients and their secrets ----------------------------------------------

def test_client_commands(pool: Pool) -> None:
    said = pool.ctl("client", "add", "A-1_b.c").stdout
    told = dict(line.split() for line in said.splitlines())
    assert told.keys() == {"client_id", "client_secret"}
    assert len(decode(told["client_secret"])) == 32
    made = Client(told["client_id"], told["client_secret"])
    token = pool.user().sign_in()["access_token"]
    assert active(pool, made, token)

    assert "A-1_b.c" in pool.ctl("client", "list").stdout
    listed = [json.loads(line) for line in pool.ctl(
        "--json", "client", "list").stdout.splitlines()]
    (row,) = [row for row in listed if row["client_id"] == "A-1_b.c"]
    assert row.keys() == {"client_id", "created_at"}

    pool.ctl("client", "add", "A-1_b.c", status=REFUSED)
    assert active(pool, made, token), "its secret is as it was"
    other = make_client(pool, "a-1_b.c")
    assert other.secret != made.secret
    pool.ctl("client", "delete", "A-1_b.c")
    answer = introspect(pool, made, token)
    refused(answer, 401, "invalid_client")
    assert active(pool, other, token), "no other one is deleted"
    pool.ctl("client", "delete", "A-1_b.c", status=REFUSED)
    assert [row["event"] for row in pool.database.sql(
        "SELECT event FROM audit WHERE detail = 'A-1_b.c'"
        " ORDER BY audit_id")] == ["client_added", "client_deleted"]


def test_json_may_come_last(pool: Pool) -> None:
    said = pool.ctl("client", "add", "last", "--json").stdout
    assert json.loads(said)["client_id"] == "last"


@pytest.mark.parametrize("argv", [
    ("add",), ("add", ""), ("add", "a b"), ("add", "a:b"), ("add", "ä"),
    ("add", "a" * 65), ("add", "a", "b"), ("list", "x"), ("delete",),
    ("delete", "a", "b"), ("nonsense",)])
def test_client_usage(pool: Pool, argv: tuple[str, ...]) -> None:
    before = written(pool)
    assert pool.ctl("client", *argv, status=USAGE).stderr
    assert written(pool) == before


def test_longest_client_id(pool: Pool) -> None:
    made = make_client(pool, "a" * 64)
    assert active(pool, made, pool.user().sign_in()["access_token"])


def test_client_commands_without_mariadb(deploy: Deploy, own_server: MariaDB
                                         ) -> None:
    pool = deploy(server=own_server, start=False)
    own_server.stop()
    for argv in (["add", "a"], ["list"], ["delete", "a"]):
        pool.ctl("client", *argv, status=UNAVAILABLE)


def test_secrets_are_nowhere(pool: Pool, client: Client) -> None:
    token = pool.user().sign_in()
    for name in ("access_token", "refresh_token"):
        introspect(pool, client, token[name])
        pool.api.form("/introspect", {
            "token": token[name], "client_id": client.id,
            "client_secret": client.secret + "x"})
        revoke(pool, token[name])
    rotate(pool.api, token["refresh_token"])
    for pair in ((client.secret, client.id), ("nobody", "x")):
        pool.api.form("/introspect", {"token": "x"}, basic=pair)
    log = pool.log()
    for text in (client.secret, token["access_token"][-30:],
                 token["refresh_token"][-30:]):
        assert text not in log
    why = "event=client_refused ip=127.0.0.1 why="
    assert f"{why}not the secret of {client.id}" in log
    assert f"{why}no such client" in log
    rows = repr(pool.database.sql("SELECT * FROM client"))
    assert client.secret not in rows
    assert repr(decode(client.secret))[2:-1] not in rows
