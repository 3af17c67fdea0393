"""app/openapi.yaml tells the truth: all that a running service answers is in
it, and all that is in it is answered by a running service."""

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

import fcgi
import openapi
from api import FORM, JSON, Answer, Api
from keyring import hurry
from mariadb import MariaDB
from node import installed
from openapi import DOCUMENT, OPERATIONS, OTHER, Examples, Fact, Operation
from pool import PASSWORD, Deploy, Pool
from waiting import until
from webserver import TOP

ALICE = {"login": "alice@example.org", "password": PASSWORD}
CLIENT = "api-gateway"
OURS = {"X-Latchkey": "1"}
AGENT = {"User-Agent": "Example/1.0"}

NOBODY = "A" * 22

# What stands in an operation's path, and what it cannot do without.
BLANKS = {"session_id": NOBODY, "user_id": NOBODY, "role": "editor"}
QUERIES = {"continue": "?to=/private/"}
BODIES = {
    "signup": ALICE, "login": ALICE,
    "deleteAccount": {"password": PASSWORD},
    "password": {"current_password": PASSWORD,
                 "new_password": "another long phrase"},
    "createUser": ALICE, "changeUser": {},
    "addRevocation": {"user_id": NOBODY},
}
# Each breaks another rule, or all but one.
WEAK = ["short", "x" * 1025, "a {login}"]

# With these a new key is published for longer than a request waits.
SLOW_KEYS = {"feed_interval_ms": 10000, "max_staleness": 60}

# Only memory that has run out makes these.
UNSEEN = {Fact("jwks", "500"), Fact("metrics", "500")}


class Observer:
    """Asks, and notes what of the file the answers show."""

    def __init__(self) -> None:
        self.seen: set[Fact] = set()
        self.examples = Examples()

    def note(self, method: str, path: str, answer: Answer) -> Answer:
        self.seen |= openapi.judge(method, path, answer)
        if answer.status >= 400:
            self.examples.add_answer(
                openapi.find(method, path),
                answer.code or f"oauth-{answer.error}", answer)
        return answer

    def ask(self, api: Api, method: str, path: str, members: Any = None,
            **more) -> Answer:
        return self.note(method, path, api.call(method, path, members, **more))

    def form(self, api: Api, path: str, params: Any, **more) -> Answer:
        return self.note("POST", path, api.form(path, params, **more))

    def keep(self, method: str, path: str, name: str, answer: Answer) -> Any:
        """Makes an example of a good answer; gives its members."""
        assert answer.status < 300, answer
        self.examples.add_answer(openapi.find(method, path), name, answer)
        return answer.json

    def keep_request(self, path: str, members: dict, name: str = "",
                     kind: str = JSON, method: str = "POST") -> dict:
        operation = openapi.find(method, path)
        self.examples.add_request(
            operation, f"{name or operation.id}-request", kind, members)
        return members


def target(operation: Operation) -> str:
    """A path of the operation's."""
    return operation.path.format(**BLANKS) + QUERIES.get(operation.id, "")


def taking(kind: str) -> list[Operation]:
    return [o for o in OPERATIONS if o.request_schema(kind)]


def needing_bearer() -> list[Operation]:
    return [o for o in OPERATIONS if "security" not in o.spec]


def taking_cookies() -> list[Operation]:
    return [o for o in OPERATIONS if any(
        "refreshCookie" in way for way in o.spec.get("security", ()))]


def answering(status: str) -> list[Operation]:
    return [o for o in OPERATIONS if status in o.responses()]


def in_cookies(api: Api, person: dict) -> dict[str, str]:
    """Signs in; gives the header with the cookies."""
    answer = api.post("/login", {**person, "cookies": True}, headers=OURS)
    assert answer.status == 200, answer
    return {"Cookie": "; ".join(line.partition(";")[0] for line
                                in answer.headers.get_all("Set-Cookie"))}


# ---- good answers -----------------------------------------------------------

def sessions(see: Observer, pool: Pool) -> None:
    """Two are the most that a user may have."""
    api = pool.api

    def show(method: str, path: str, name: str, *call, **more) -> Any:
        return see.keep(method, path, name,
                        see.ask(api, method, path, *call, **more))

    show("POST", "/signup", "signup", see.keep_request("/signup", ALICE))
    pool.ctl("user", "roles", ALICE["login"], "editor,reader")
    first = show("POST", "/login", "login", see.keep_request(
        "/login", {**ALICE, "device": "phone"}), headers=AGENT)
    second = show("POST", "/refresh", "refresh", see.keep_request(
        "/refresh", {"refresh_token": first["refresh_token"]}))
    token = show("POST", "/renew", "renew",
                 token=second["access_token"])["access_token"]
    show("GET", "/account", "account", token=token)
    for path in ("/verify", "/verify/editor"):
        see.ask(api, "GET", path, token=token)
    other = api.login(**ALICE).json
    show("GET", "/sessions", "sessions", token=token)
    see.ask(api, "DELETE", f"/sessions/{other['session_id']}", token=token)
    api.login(**ALICE)
    show("POST", "/login", "login-evicted", ALICE)
    see.ask(api, "POST", "/logout", see.keep_request(
        "/logout", {"refresh_token": second["refresh_token"]}))
    token = api.login(**ALICE).json["access_token"]
    show("POST", "/logout-all", "logoutAll", token=token)


def sessions_in_cookies(see: Observer, pool: Pool) -> None:
    api = pool.api
    answer = see.ask(api, "POST", "/login", see.keep_request(
        "/login", {**ALICE, "cookies": True}, "login-cookies"), headers=OURS)
    see.keep("POST", "/login", "login-cookies", answer)
    jar = in_cookies(api, ALICE)
    ours = {**jar, **OURS, "Content-Type": JSON}
    for path in ("/refresh", "/renew"):
        answer = see.ask(api, "POST", path, headers=ours)
        see.keep("POST", path, f"{path[1:]}-cookies", answer)
    see.ask(api, "POST", "/logout", headers=ours)
    jar = in_cookies(api, ALICE)
    pool.clock.advance(400)
    see.ask(api, "GET", "/continue?to=/private/", headers=jar)


def oauth(see: Observer, pool: Pool) -> None:
    api = pool.api
    pair = (CLIENT, pool.ctl_json("client", "add", CLIENT)["client_secret"])
    first = api.login(**ALICE).json
    answer = see.form(api, "/token", see.keep_request(
        "/token", {"grant_type": "refresh_token", "client_id": "latchkey",
                   "refresh_token": first["refresh_token"]}, kind=FORM))
    second = see.keep("POST", "/token", "token", answer)
    asked = see.keep_request(
        "/introspect", {"token": second["access_token"]}, kind=FORM)
    for name, params in {
            "introspect": asked,
            "introspect-refresh": {"token": second["refresh_token"]},
            "introspect-inactive": {"token": "x"}}.items():
        see.keep("POST", "/introspect", name,
                 see.form(api, "/introspect", params, basic=pair))
    see.form(api, "/revoke", see.keep_request(
        "/revoke", {"token": second["refresh_token"]}, kind=FORM))


def passwords(see: Observer, pool: Pool) -> None:
    """One's own, by the current one."""
    api, user = pool.api, pool.user()
    right = {"current_password": PASSWORD, "new_password": "a quieter phrase"}
    wrong = {**right, "current_password": "not the pass phrase"}
    token = user.sign_in()["access_token"]
    for password in WEAK:
        see.ask(api, "POST", "/password", {
            **right, "new_password": password.format(login=user.login)},
            token=token)
    see.ask(api, "POST", "/password", wrong, token=token)
    answer = see.ask(api, "POST", "/password",
                     see.keep_request("/password", right), token=token)
    see.keep("POST", "/password", "password", answer)
    token = answer.json["access_token"]
    person = {"login": user.login, "password": right["new_password"]}
    answer = see.ask(api, "POST", "/password", {
        "current_password": person["password"], "new_password": PASSWORD},
        headers={**in_cookies(api, person), **OURS})
    see.keep("POST", "/password", "password-cookies", answer)

    delete = see.keep_request("/account", {"password": PASSWORD},
                              method="DELETE")
    token = user.sign_in()["access_token"]
    see.ask(api, "DELETE", "/account", {"password": "x"}, token=token)
    see.ask(api, "DELETE", "/account", delete, token=token)
    jar = in_cookies(api, {"login": pool.user().login, "password": PASSWORD})
    see.ask(api, "DELETE", "/account", delete, headers={**jar, **OURS})
    token = pool.user("admin").sign_in()["access_token"]
    see.ask(api, "DELETE", "/account", delete, token=token)
    for method, path, members in (
            ("POST", "/password", wrong),
            ("DELETE", "/account", {"password": "x"})):
        until(lambda: see.ask(api, method, path, members, token=token
                              ).status == 429, "too many guesses")


def limits(see: Observer, pool: Pool) -> None:
    """One session for everybody, and one wrong password from an address."""
    api = pool.api
    api.post("/signup", ALICE)
    api.login(**ALICE)
    refusal = see.ask(api, "POST", "/login", ALICE).json
    see.ask(api, "POST", "/login", see.keep_request("/login", {
        "ticket": refusal["ticket"],
        "end_session": refusal["sessions"][0]["session_id"]}, "login-ticket"))
    until(lambda: see.ask(api, "POST", "/login", {
        **ALICE, "password": "x"}).status == 429, "too many guesses")


def administration(see: Observer, pool: Pool) -> None:
    api, path = pool.api, "/admin/users"
    pool.ctl("user", "add", "admin@example.org", "--role", "admin",
             stdin=PASSWORD)
    token = api.login("admin@example.org", PASSWORD).json["access_token"]

    def ask(method: str, path: str, members: Any = None) -> Answer:
        return see.ask(api, method, path, members, token=token)

    def show(method: str, path: str, name: str, members: Any = None,
             query: str = "") -> Any:
        if members is not None:
            see.keep_request(path, members, method=method)
        return see.keep(method, path, name, ask(method, path + query, members))

    bob = show("POST", path, "createUser", {
        "login": "bob@example.org", "password": PASSWORD, "roles": ["editor"],
        "claims": {"plan": "pro"}, "session_limit": 3})
    carol = ask("POST", path, {"login": "carol", "password": PASSWORD,
                               "status": "suspended"}).json
    own = f"{path}/{bob['user_id']}"
    show("GET", path, "users", query="?limit=1")
    ask("GET", path)
    show("GET", own, "user")
    show("PATCH", own, "changeUser", {"roles": ["author", "editor"],
                                      "session_limit": None})
    for status in ("suspended", "active"):
        ask("PATCH", own, {"status": status})
    show("GET", "/admin/audit", "audit",
         query=f"?user_id={bob['user_id']}&limit=2")
    ask("GET", f"{path}/{carol['user_id']}")
    ask("POST", f"{path}/{carol['user_id']}/reissue-id")

    first, second = (api.login("bob@example.org", PASSWORD).json
                     for _ in range(2))
    show("GET", f"{own}/sessions", "userSessions")
    for members in ({"session_id": first["session_id"]},
                    {"user_id": bob["user_id"]}, {"jti": NOBODY},
                    {"all": True}):
        answer = ask("POST", "/admin/revocations", members)
        if "session_id" in members:
            see.keep_request("/admin/revocations", members)
            see.keep("POST", "/admin/revocations", "addRevocation", answer)
    token = api.login("admin@example.org", PASSWORD).json["access_token"]
    ask("GET", "/admin/revocations")
    show("GET", "/admin/revocations", "revocations", query="?limit=2")
    show("GET", "/admin/stats", "stats")
    ask("DELETE", f"{own}/sessions/{second['session_id']}")
    api.login("bob@example.org", PASSWORD)
    show("DELETE", f"{own}/sessions", "endUserSessions")
    bob = show("POST", f"{own}/reissue-id", "reissueId")
    own = f"{path}/{bob['user_id']}"

    for operation in OPERATIONS:
        if "/admin/" in operation.path and "404" in operation.responses():
            ask(operation.method, target(operation), BODIES.get(operation.id))
    ask("POST", path, {"login": "bob@example.org", "password": PASSWORD})
    for password in WEAK:
        ask("POST", path, {"login": "bob@example.org",
                           "password": password.format(login=bob["login"])})
        ask("PATCH", own, {"password": password.format(login=bob["login"])})
    admin = ask("GET", f"{path}?query=admin").json["users"][0]["user_id"]
    ask("PATCH", f"{path}/{admin}", {"roles": []})
    ask("DELETE", f"{path}/{admin}")
    ask("DELETE", own)


def keys(see: Observer, pool: Pool) -> None:
    """Keys of each algorithm and in each state, and more than there may be."""
    api, path = pool.api, "/admin/keys/rotate"
    admin = pool.user("admin")
    token = admin.sign_in()["access_token"]
    see.keep("GET", "/admin/keys", "keys",
             see.ask(api, "GET", "/admin/keys", token=token))
    see.keep("POST", path, "rotateKeys", see.ask(
        api, "POST", path, see.keep_request(path, {"alg": "EdDSA"}),
        token=token))
    for alg in ("RS256", "PS256", "HS256"):
        see.ask(api, "POST", path, {"alg": alg}, token=token)
    jwks = "/.well-known/jwks.json"
    until(lambda: {"EdDSA", "RS256", "PS256"} <= {
        key["alg"] for key in see.ask(api, "GET", jwks).json["keys"]},
          "the new keys are published")
    # All that have retired verify tokens that may be alive.
    answer = until(lambda: (answer := see.ask(api, "POST", path, token=token)
                            ).status != 200 and answer, "no more keys", 200)
    assert answer.status == 429, answer
    pool.clock.advance(3000)
    hurry(pool)
    token = admin.sign_in()["access_token"]
    until(lambda: b"standby" in see.ask(api, "GET", "/admin/keys",
                                        token=token).body,
          "the key that takes over in ten minutes")
    see.ask(api, "POST", path, {"refresh": True}, token=token)
    pool.restart(**SLOW_KEYS)
    see.ask(api, "POST", path, {"refresh": True}, token=token)


def the_rest(see: Observer, api: Api) -> None:
    for path, name in {"/.well-known/jwks.json": "jwks",
                       "/.well-known/oauth-authorization-server": "metadata",
                       "/health": "health", "/ready": "ready"}.items():
        see.keep("GET", path, name, see.ask(api, "GET", path))
    metrics = see.ask(api, "GET", "/metrics").body.decode()
    see.examples.values["metrics"] = "".join(
        line for line in metrics.splitlines(keepends=True)
        if "latchkey_index_entries " in line)


# ---- refusals ---------------------------------------------------------------

def refused_bodies(see: Observer, api: Api, token: str) -> None:
    for operation in taking(JSON):
        for body, more in (
                (b"{", {}), (b'{"surprise":1}', {}), (b" " * 16385, {}),
                (b"{}", {"content_type": "text/plain"})):
            see.ask(api, operation.method, target(operation), body=body,
                    token=token, **more)
    for operation in taking(FORM):
        for body, more in ((b"a=%", {}), (b" " * 16385, {}),
                           (b"{}", {"content_type": JSON})):
            see.form(api, target(operation), body, **more)


def refused_credentials(see: Observer, api: Api, token: str, person: dict
                        ) -> None:
    jar = in_cookies(api, person)
    for operation in needing_bearer():
        method, path = operation.method, target(operation)
        see.ask(api, method, path)
        see.ask(api, method, path, token="x")
        see.ask(api, method, path, token=token, headers=jar)
        if "x-role" in operation.spec:
            see.ask(api, method, path, BODIES.get(operation.id), token=token)
    for operation in taking_cookies():
        method, path = operation.method, target(operation)
        see.ask(api, method, path, token="no token")
        see.ask(api, method, path, token=token, headers=jar)
    for operation in (*needing_bearer(), *taking_cookies()):
        if operation.request_schema(JSON):
            see.ask(api, operation.method, target(operation), headers=jar)


def refusals(see: Observer, pool: Pool) -> None:
    """Each of few operations, or of one."""
    api, user = pool.api, pool.user()
    person = {"login": user.login, "password": PASSWORD}
    token = user.sign_in()
    see.ask(api, "GET", "/nothing")
    see.ask(api, "PUT", "/login")
    see.ask(api, "GET", "/token")
    see.ask(api, "POST", "/signup", person)
    for password in WEAK:
        see.ask(api, "POST", "/signup", {
            "login": user.login,
            "password": password.format(login=user.login)})
    see.ask(api, "POST", "/login", {**person, "password": "another"})
    see.ask(api, "POST", "/login", {**person, "cookies": True})
    for path in ("/refresh", "/logout"):
        see.ask(api, "POST", path, {"refresh_token": "x"})
    see.ask(api, "POST", "/logout", headers={
        "Cookie": "__Host-lk_at=x", "Content-Type": JSON, **OURS})
    see.ask(api, "GET", "/verify/admin", token=token["access_token"])
    see.ask(api, "DELETE", target(openapi.find("DELETE", "/sessions/x")),
            token=token["access_token"])
    for path in ("/introspect", "/revoke", "/token"):
        see.form(api, path, {"token": "x", "grant_type": "refresh_token",
                             "client_id": "another", "client_secret": "x"})
    refresh = {"grant_type": "refresh_token", "refresh_token": "x"}
    see.form(api, "/token", refresh)
    see.form(api, "/token", {**refresh, "scope": "x"})
    see.form(api, "/token", {**refresh, "grant_type": "password"})
    pool.suspend(user)
    see.ask(api, "GET", "/account", token=token["access_token"])
    see.ask(api, "POST", "/login", person)


def by_settings(see: Observer, pool: Pool) -> None:
    """Signup is off, metrics are for others, there is no grace, a renewal
    needs a refresh within the last minute, and keys are slow."""
    api, login, path = pool.api, "bob", "/admin/keys/rotate"
    pool.ctl("user", "add", login, "--role", "admin", stdin=PASSWORD + "\n")
    first = api.login(login, PASSWORD).json
    see.ask(api, "POST", "/signup", ALICE)
    see.ask(api, "GET", "/metrics")
    see.keep("POST", path, "rotateKeys-accepted", see.ask(
        api, "POST", path, {"refresh": True}, token=first["access_token"]))
    pool.clock.advance(100)
    see.ask(api, "POST", "/renew", token=first["access_token"])
    for _ in range(2):
        see.ask(api, "POST", "/refresh",
                {"refresh_token": first["refresh_token"]})


def unfinished_bodies(see: Observer, pool: Pool) -> None:
    """A request has a second."""
    token = pool.user().sign_in()["access_token"]
    started = []
    for kind in (JSON, FORM):
        for operation in taking(kind):
            connection = fcgi.Connection(pool.socket)
            connection.send(fcgi.head(fcgi.variables(
                operation.method, "/auth" + target(operation),
                HTTP_AUTHORIZATION=f"Bearer {token}", CONTENT_TYPE=kind,
                CONTENT_LENGTH="2")))
            started.append((operation, connection))
    for operation, connection in started:
        with connection:
            see.note(operation.method, target(operation), connection.answer())


def without_database(see: Observer, api: Api) -> None:
    """MariaDB was away when the service started."""
    bodies = {**BODIES, "refresh": {"refresh_token": "x"}}
    for operation in answering("503"):
        method, path = operation.method, target(operation)
        if operation in taking(FORM):
            see.form(api, path, {"token": "x", "refresh_token": "x",
                                 "grant_type": "refresh_token"})
        elif operation.id == "continue":
            see.ask(api, method, path, headers={"Cookie": "__Host-lk_at=x"})
        else:
            see.ask(api, method, path, bodies.get(operation.id), token="x")


def with_faults(see: Observer, pool: Pool) -> None:
    """Columns have lost their names, which is for the log and no answer."""
    api, user = pool.api, pool.user("admin")
    pair = (CLIENT, pool.ctl_json("client", "add", CLIENT)["client_secret"])
    person = {"login": user.login, "password": PASSWORD}
    token = user.sign_in()
    refresh_token = token["refresh_token"]
    jar = in_cookies(api, person)
    bodies = {**BODIES, "signup": person, "login": person,
              "refresh": {"refresh_token": refresh_token}}
    for table, columns in {
            "user": ["user_id"], "session": ["session_id", "expires_at"],
            "client": ["client_id"], "signing_key": ["kid"],
            "audit": ["audit_id"], "revocation": ["revocation_id"]}.items():
        for column in columns:
            pool.database.sql(f"ALTER TABLE {table} RENAME COLUMN {column}"
                              f" TO no_{column}")
    # /continue has to refresh.
    pool.clock.advance(280)
    for operation in answering("500"):
        method, path = operation.method, target(operation)
        if operation in taking(FORM):
            see.form(api, path, {
                "grant_type": "refresh_token", "token": refresh_token,
                "refresh_token": refresh_token},
                basic=pair if operation.id == "introspect" else None)
        elif operation.id == "continue":
            see.ask(api, method, path, headers=jar)
        else:
            see.ask(api, method, path, bodies.get(operation.id),
                    token=token["access_token"])


@pytest.mark.slow
def test_every_answer(deploy: Deploy, own_server: MariaDB) -> None:
    """Whatever is answered is in the file; whatever is in the file (an answer,
    a header, a member, a code) is answered by somebody.  And the examples are
    what is answered here: tests/openapi-examples writes them anew."""
    see = Observer()
    pool = deploy(issuer="https://www.example.org", session_limit=2)
    the_rest(see, pool.api)
    sessions(see, pool)
    oauth(see, pool)
    user = pool.user()
    token = user.sign_in()["access_token"]
    refused_bodies(see, pool.api, token)
    refused_credentials(see, pool.api, token, {
        "login": user.login, "password": PASSWORD})
    refusals(see, pool)
    sessions_in_cookies(see, pool)
    passwords(see, deploy())
    limits(see, deploy(session_limit=1, session_limit_policy="pick",
                       address_failures=1, address_recovery=86400))
    administration(see, deploy())
    keys(see, deploy(feed_interval_ms=10, key_rotation=3600))
    by_settings(see, deploy(
        signup=False, metrics_allow=["192.0.2.1"], refresh_grace=0,
        renew_window=60, **SLOW_KEYS))
    unfinished_bodies(see, deploy(request_timeout=1, workers=6))
    # The feed is broken, too.
    with_faults(see, deploy(max_staleness=3600))
    away = deploy(server=own_server, start=False)
    own_server.stop()
    away.daemon.spawn()
    away.web.start()
    until(lambda: away.complete() and away.api.get("/health").status == 200,
          "the service answers")
    without_database(see, away.api)
    unseen = set().union(*map(openapi.declared, (*OPERATIONS, OTHER)))
    unseen -= see.seen
    # Where an answer is unseen, so is all that is in it.
    answers = {fact for fact in unseen if not fact.what}
    unseen = answers | {fact for fact in unseen
                        if fact._replace(what="") not in answers}
    assert unseen == UNSEEN, "\n".join(map(" ".join, sorted(unseen)))
    see.examples.settle()


# ---- bodies of requests -----------------------------------------------------

# What a longer string than the file allows gets, where it is a refusal of the
# string.  No account has a longer login or password.
TOO_LONG = {
    ("signup", "login"): "invalid_request",
    ("signup", "password"): "weak_password",
    ("login", "login"): "invalid_credentials",
    ("login", "password"): "invalid_credentials",
    ("login", "device"): "invalid_request",
    ("rotateKeys", "alg"): "invalid_request",
    ("password", "current_password"): "wrong_password",
    ("password", "new_password"): "weak_password",
    ("deleteAccount", "password"): "wrong_password",
    ("createUser", "login"): "invalid_request",
    ("createUser", "password"): "weak_password",
    ("changeUser", "password"): "not_found",
}
OF_ANOTHER_TYPE = {"string": 1, "boolean": "true", "integer": "5",
                   "array": "x", "object": []}


def bad_members(schema: dict, good: dict) -> Iterator[tuple[str, dict]]:
    """Bodies with one thing wrong, by what that is."""
    yield "unknown", {**good, "surprise": "x"}
    for name in schema.get("required", ()):
        yield f"no {name}", {k: v for k, v in good.items() if k != name}
    for name, member in schema.get("properties", {}).items():
        kind = openapi.meant(member)["type"]
        if isinstance(kind, list):
            kind, _ = kind
        else:
            yield f"{name} is null", {**good, name: None}
        yield f"{name} is no {kind}", {**good, name: OF_ANOTHER_TYPE[kind]}


@pytest.mark.parametrize("operation", taking(JSON), ids=lambda o: o.id)
def test_bodies(pool: Pool, operation: Operation) -> None:
    """The file's example is taken, and nothing that the file excludes."""
    token = pool.user("admin").sign_in()["access_token"]
    schema = openapi.meant(operation.request_schema(JSON))
    examples = DOCUMENT["components"]["examples"]
    good = examples.get(f"{operation.id}-request", {"value": {}})["value"]

    def code(members: dict) -> str | None:
        return pool.api.call(operation.method, target(operation), members,
                             token=token).code

    for what, members in bad_members(schema, good):
        assert code(members) == "invalid_request", what
    for name, member in schema.get("properties", {}).items():
        most = openapi.meant(member).get("maxLength")
        if most is not None:
            assert code({**good, name: "x" * (most + 1)}) == TOO_LONG[
                operation.id, name], name
    assert code(good) != "invalid_request"


# ---- the file itself --------------------------------------------------------

def leaves(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The scalars, as tests/guard/flatten.awk prints them."""
    if node and isinstance(node, (dict, list)):
        items = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in items:
            yield from leaves(value, f"{path}|{key}" if path else str(key))
    else:
        yield path, (str(node).lower() if isinstance(node, bool)
                     else "null" if node is None else str(node))


def test_awk_reads_the_file_as_yaml_is_read() -> None:
    """Text of more than a line is left out there."""
    done = subprocess.run(
        ["awk", "-f", TOP / "tests/guard/flatten.awk", openapi.PATH],
        check=True, capture_output=True, text=True)
    by_awk = {tuple(line.split("\t", 1)) for line in done.stdout.splitlines()}
    by_yaml = set(leaves(DOCUMENT))
    assert by_awk <= by_yaml, by_awk - by_yaml
    assert {path.rpartition("|")[2] for path, _ in by_yaml - by_awk} == {
        "description", "value"}


def objects(node: Any) -> Iterator[dict]:
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield node
        for value in node.values():
            yield from objects(value)


def test_schemas_say_whether_they_are_closed() -> None:
    """What is left open is a decision."""
    schemas = DOCUMENT["components"]["schemas"]
    assert all("additionalProperties" in schema for schema in objects(schemas))
    answers = {name for name, schema in schemas.items()
               if any(one["additionalProperties"] for one in objects(schema))}
    assert answers == {"ActiveAccessToken", "IntrospectRequest", "OwnClaims",
                       "RevokeRequest", "TokenRequest"}


def test_lint() -> None:
    """By Spectral, of which not even hints are welcome."""
    folder = installed(TOP / "tests/openapi")
    done = subprocess.run(
        [folder / "node_modules/.bin/spectral", "lint", "--fail-severity=hint",
         f"--ruleset={folder}/spectral.yaml", openapi.PATH],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
