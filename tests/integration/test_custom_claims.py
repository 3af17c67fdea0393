"""Claims that administrators set on a user: which of them go into access
tokens, and which cannot be."""

import json
import re
from typing import Any

import jwt
import pytest

from pool import Deploy, Pool, User
from test_admin import Admin, refused
from test_admin_endings import claims_of
from waiting import until
from webserver import TOP

TENANT = "https://example.org/tenant"
NAMES = ["plan", TENANT, "limits"]
OURS = {"iss", "sub", "aud", "exp", "iat", "jti", "sid", "roles", "client_id",
        "epoch", "gepoch", "gen"}
MOST = 1024  # bytes, as a token holds them


def reserved() -> list[str]:
    listed = (TOP / "lib/reserved_claims.c").read_text()
    return re.findall(r'"(\w+)"', listed.partition("= {")[2].partition("}")[0])


@pytest.fixture(scope="module")
def pool(deploy_module: Deploy) -> Pool:
    return deploy_module(token_claims=NAMES)


@pytest.fixture(scope="module")
def admin(pool: Pool) -> Admin:
    return Admin(pool)


@pytest.fixture
def user(pool: Pool) -> User:
    return pool.user()


def stored(claims: Any) -> bytes:
    """As the database and tokens have them."""
    return json.dumps(claims, ensure_ascii=False, separators=(",", ":"),
                      sort_keys=True).encode()


def test_those_that_are_named(pool: Pool, admin: Admin, user: User) -> None:
    claims = {"plan": "pro", TENANT: {"id": 7, "name": "Müller \"&\" Söhne"},
              "limits": [1, -2.5, True, None, []], "secret": "of the office"}
    assert admin.patch(user, claims=claims)["claims"] == claims
    token = user.sign_in()["access_token"]
    expected = {name: claims[name] for name in NAMES}
    payload = claims_of(token)
    assert {name: payload[name] for name in payload.keys() - OURS} == expected
    # Another library takes it, ours among it.
    key = jwt.PyJWK.from_dict(
        pool.api.get("/.well-known/jwks.json").json["keys"][0])
    assert jwt.decode(token, key.key, ["ES256"], audience=pool.issuer
                      )["plan"] == "pro"
    assert pool.alive_everywhere(token)
    assert pool.api.get("/account", token).json["claims"] == claims
    client = pool.ctl_json("client", "add", f"api-{user.login}")
    answer = pool.api.form("/introspect", {"token": token}, basic=(
        client["client_id"], client["client_secret"])).json
    assert {name: answer[name] for name in answer.keys()
            - OURS - {"active", "token_type"}} == expected


def test_none_by_default(deploy: Deploy) -> None:
    pool = deploy()
    admin, user = Admin(pool), pool.user()
    admin.patch(user, claims={"plan": "pro"})
    token = user.sign_in()["access_token"]
    assert claims_of(token).keys() == OURS
    assert pool.api.get("/account", token).json["claims"] == {"plan": "pro"}


def test_who_has_none(pool: Pool, admin: Admin, user: User) -> None:
    assert claims_of(user.sign_in()["access_token"]).keys() == OURS
    admin.patch(user, claims={"other": 1})
    assert claims_of(user.sign_in()["access_token"]).keys() == OURS


def test_other_claims_kill_the_tokens_of_the_old(
        pool: Pool, admin: Admin, user: User) -> None:
    """Those too that no token has: they were read beside it at /account."""
    token = user.sign_in()
    for claims in ({"plan": "pro"}, {"plan": "free"}, {"plan": "free", "x": 1},
                   {}):
        assert pool.alive_everywhere(token["access_token"])
        admin.patch(user, claims=claims)
        assert pool.dead_everywhere(token["access_token"])
        token = pool.api.refresh(token["refresh_token"]).json
        assert claims_of(token["access_token"]).get("plan") == claims.get(
            "plan")
        # The same again, in whatever spelling, is no change.
        admin.good("PATCH", f"/users/{user.user_id}",
                   {"claims": dict(reversed(claims.items()))})


def test_a_setting_that_changes(deploy: Deploy) -> None:
    """It counts for tokens made from then on; those there are live on."""
    pool = deploy(token_claims=["plan"])
    admin, user = Admin(pool), pool.user()
    admin.patch(user, claims={"plan": "pro", "tenant": 7})
    token = user.sign_in()
    pool.reload(token_claims=["tenant"])
    assert pool.alive_everywhere(token["access_token"])
    payload = claims_of(pool.api.refresh(token["refresh_token"]).json[
        "access_token"])
    assert "plan" not in payload and payload["tenant"] == 7


# ---- by the command line ----------------------------------------------------

def test_command_line(pool: Pool, user: User) -> None:
    claims = {"plan": "pro", TENANT: {"name": "Müller \"&\" Söhne"}}
    assert pool.ctl_json("user", "claims", user.login) == {}
    token = user.sign_in()
    done = pool.ctl("user", "claims", user.login.upper(),
                    json.dumps(claims, indent=4))
    assert done.stdout.encode() == stored(claims) + b"\n"
    until(lambda: pool.dead_everywhere(token["access_token"]),
          "the feed brings it")
    token = pool.api.refresh(token["refresh_token"]).json
    assert claims_of(token["access_token"])["plan"] == "pro"
    assert pool.ctl_json("user", "claims", user.login) == claims
    assert pool.ctl_json("user", "show", user.login)["claims"] == claims
    # From standard input; and none.
    assert pool.ctl("user", "claims", user.login, "-",
                    stdin='{\n"plan": "free"}\n').stdout == (
        '{"plan":"free"}\n')
    assert pool.ctl("user", "claims", user.login, "{}").stdout == "{}\n"
    assert pool.ctl("user", "claims", user.login).stdout == "{}\n"
    assert [row["event"] for row in pool.database.sql(
        "SELECT event FROM audit JOIN user USING (user_id) WHERE login = %s"
        " AND event LIKE 'claims%%'", user.login)] == 3 * ["claims_changed"]


@pytest.mark.parametrize("text, why", [
    ('{"plan": "pro", "sub": "x"}', "sub is reserved"),
    ('{"roles": ["admin"]}', "roles is reserved"),
    ('{"plan": 1, "plan": 2}', "a duplicate member"),
    ('["plan"]', "object"),
    ('{"plan": "pro"', "JSON"),
    ('{"plan": "pro"} x', "JSON"),
    ("", "JSON"),
    ('{"plan": "' + "x" * MOST + '"}', f"more than {MOST} bytes"),
])
def test_command_line_refuses(pool: Pool, user: User, text: str, why: str
                              ) -> None:
    token = user.sign_in()
    refused_by_ctl(pool, user, [text], "", why)
    refused_by_ctl(pool, user, ["-"], text, why)
    assert pool.alive_everywhere(token["access_token"])


@pytest.mark.parametrize("text, why", [
    ('{"plan": "pro"}\0, "x"', "NUL"), (" " * 20000 + "{}", "16384 bytes")])
def test_standard_input_refused(pool: Pool, user: User, text: str, why: str
                                ) -> None:
    refused_by_ctl(pool, user, ["-"], text, why)


def refused_by_ctl(pool: Pool, user: User, argv: list[str], stdin: str,
                   why: str) -> None:
    done = pool.ctl("user", "claims", user.login, *argv, stdin=stdin, status=1)
    assert done.stderr.startswith("latchkeyctl: claims: "), done
    assert why in done.stderr and not done.stdout, done
    assert pool.ctl("user", "claims", user.login).stdout == "{}\n"


# ---- what cannot be ---------------------------------------------------------

@pytest.mark.parametrize("name", reserved())
def test_reserved(admin: Admin, user: User, name: str) -> None:
    answer = admin.call("PATCH", f"/users/{user.user_id}",
                        {"claims": {"plan": "pro", name: None}})
    refused(answer)
    assert answer.json["detail"] == f"{name} is reserved"
    assert admin.shown(user)["claims"] == {}


def test_reserved_as_a_setting(deploy: Deploy) -> None:
    pool = deploy(start=False)
    for name in reserved():
        pool.write_config(token_claims=["plan", name])
        assert "token_claims" in pool.ctl("check-config", status=1).stderr


def test_the_manual_names_the_reserved() -> None:
    manual = (TOP / "man/latchkey.conf.5").read_text()
    text = manual.partition(".It Li token_claims")[2].partition(".It Li")[0]
    named = [name for line in text.splitlines() if line.startswith(".Ql ")
             for name in line[4:].rstrip(" .").replace(" , ", ",").split(",")]
    assert [name.strip() for name in named if name.strip()] == reserved()


@pytest.mark.parametrize("claims", [
    {"a": "x" * (MOST - 8)}, {"plan": "é" * 506},
    {TENANT: ["\n"] * 197}, {"plan": {str(n): n for n in range(123)}},
    {"plan": [0.5] * 253},
    {str(n): n for n in range(124)}])
def test_the_most_there_can_be(pool: Pool, admin: Admin, user: User,
                               claims: dict) -> None:
    size = len(stored(claims))
    assert MOST - 30 <= size <= MOST
    admin.patch(user, claims=claims)
    kept = pool.database.one("SELECT claims FROM user WHERE login = %s",
                             user.login)
    assert kept == stored(claims)
    token = user.sign_in()["access_token"]
    payload = claims_of(token)
    for name in claims.keys() & set(NAMES):
        assert payload[name] == claims[name]
    assert pool.alive_everywhere(token)
    grown = {**claims, "z" * 40: 1}
    answer = admin.call("PATCH", f"/users/{user.user_id}", {"claims": grown})
    refused(answer)
    assert answer.json["detail"] == f"they take more than {MOST} bytes"


def test_numbers_that_grow(pool: Pool, admin: Admin, user: User) -> None:
    """What a token would hold is what counts: 0.1 takes 19 bytes there."""
    tenths = {"plan": [0.1] * 50}
    assert len(stored(tenths)) < 300
    admin.patch(user, claims=tenths)
    token = user.sign_in()["access_token"]
    assert claims_of(token)["plan"] == tenths["plan"]
    payload = token.split(".")[1]
    assert len(payload) * 3 // 4 > 50 * 19
    for tenth in (0.1, 1e-7, 0.30000000000000004):
        refused(admin.call("PATCH", f"/users/{user.user_id}",
                           {"claims": {"plan": [tenth] * 60}}))


def test_nesting(admin: Admin, user: User) -> None:
    def nested(depth: int) -> Any:
        return {"a": nested(depth - 1)} if depth else 1

    # The body is one object more, and eight are taken.
    admin.patch(user, claims=nested(7))
    answer = admin.call("PATCH", f"/users/{user.user_id}",
                        {"claims": nested(8)})
    assert answer.code == "invalid_json", answer
