"""Administration over HTTP: who may, what is taken, what is listed, and that
nobody locks everybody out.  What ends with what is in test_admin_endings.py."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import pytest

from api import Answer, moment
from encoding import decode
from mariadb import Database
from pool import PASSWORD, Deploy, Pool, User
from waiting import until

NOBODY = "A" * 22
OTHER_PASSWORD = "quite another phrase"


class Admin:
    """Somebody with the role, signed in."""

    def __init__(self, pool: Pool):
        self.pool = pool
        self.user = pool.user("admin")
        self.user_id = self.user.user_id
        signed_in = self.user.sign_in()
        self.session_id = signed_in["session_id"]
        self.token = signed_in["access_token"]

    def call(self, method: str, path: str, members: Any = None, **more
             ) -> Answer:
        return self.pool.api.call(method, "/admin" + path, members,
                                  token=self.token, **more)

    def get(self, path: str, **params: Any) -> Answer:
        query = "?" + urlencode(params) if params else ""
        return self.call("GET", path + query)

    def good(self, method: str, path: str, members: Any = None) -> Any:
        answer = self.call(method, path, members)
        assert answer.status in (200, 201), answer
        return answer.json

    def patch(self, user: User, **members: Any) -> Any:
        return self.good("PATCH", f"/users/{user.user_id}", members)

    def shown(self, user: User) -> Any:
        return self.good("GET", f"/users/{user.user_id}")

    def pages(self, path: str, **params: Any) -> Iterator[list[dict]]:
        """The rows of each page, up to the last."""
        name = path.rpartition("/")[2]
        while True:
            answer = self.get(path, **params)
            assert answer.status == 200, answer
            assert answer.json.keys() == {name, "next"}
            yield answer.json[name]
            if answer.json["next"] is None:
                return
            params["after"] = answer.json["next"]

    def rows(self, path: str, **params: Any) -> list[dict]:
        return [row for page in self.pages(path, **params) for row in page]


@pytest.fixture(scope="module")
def admin(pool: Pool) -> Admin:
    return Admin(pool)


@pytest.fixture
def user(pool: Pool) -> User:
    return pool.user()


def refused(answer: Answer, code: str = "invalid_request") -> None:
    status = {"invalid_request": 400, "not_found": 404, "last_admin": 409,
              "weak_password": 422}[code]
    assert (answer.status, answer.code) == (status, code), answer


# ---- who may ----------------------------------------------------------------

# Each row of the table with a request that is in order; what is in braces is a
# new user's.
ROWS = [
    ("GET", "/users", None, 200),
    ("GET", "/users?query=a&limit=5", None, 200),
    ("POST", "/users", {"login": "new-{login}", "password": PASSWORD}, 201),
    ("GET", "/users/{user_id}", None, 200),
    ("PATCH", "/users/{user_id}", {}, 200),
    ("DELETE", "/users/{user_id}", None, 204),
    ("POST", "/users/{user_id}/reissue-id", None, 200),
    ("GET", "/users/{user_id}/sessions", None, 200),
    ("DELETE", "/users/{user_id}/sessions", None, 200),
    ("DELETE", "/users/{user_id}/sessions/{session_id}", None, 204),
    ("POST", "/revocations", {"session_id": "{session_id}"}, 201),
    ("GET", "/revocations", None, 200),
    ("GET", "/keys", None, 200),
    ("POST", "/keys/rotate", None, 200),
    ("GET", "/audit?user_id={user_id}", None, 200),
    ("GET", "/stats", None, 200),
]


@pytest.mark.parametrize("method, path, members, status", ROWS)
def test_who_may(pool: Pool, admin: Admin, user: User, method: str, path: str,
                 members: Any, status: int) -> None:
    token = user.sign_in()
    blanks = {"user_id": user.user_id, "session_id": token["session_id"],
              "login": user.login}
    path = "/admin" + path.format(**blanks)
    if members:
        members = {name: value.format(**blanks)
                   for name, value in members.items()}
    nobody = pool.api.call(method, path, members)
    assert (nobody.status, nobody.code) == (401, "invalid_token"), nobody
    assert nobody.headers["WWW-Authenticate"] == "Bearer"
    for role in ("", "admins", "administrator"):
        if role:
            pool.ctl("user", "roles", user.login, role)
        answer = pool.api.call(method, path, members,
                               token=user.sign_in()["access_token"])
        assert (answer.status, answer.code) == (403, "forbidden"), answer
        assert answer.headers["WWW-Authenticate"] == (
            'Bearer error="insufficient_scope"')
    answer = pool.api.call(method, path, members, token=admin.token)
    assert answer.status == status, answer


@pytest.mark.parametrize("method, path, members, status", ROWS)
def test_cookies_need_proof_of_origin(
        pool: Pool, user: User, method: str, path: str, members: Any,
        status: int) -> None:
    """Of another site, nothing but a look is let through."""
    signed_in = pool.api.post("/login", {
        "login": user.login, "password": PASSWORD, "cookies": True},
        headers={"X-Latchkey": "1"})
    jar = {"Cookie": "; ".join(
        line.partition(";")[0]
        for line in signed_in.headers.get_all("Set-Cookie"))}
    path = "/admin" + path.format(user_id=user.user_id, session_id=NOBODY)
    code = "forbidden" if method == "GET" else "csrf"
    assert pool.api.call(method, path, members, headers=jar).code == code


def test_suspended_administrator(pool: Pool, admin: Admin) -> None:
    """By the very next request, whoever answers it."""
    other = Admin(pool)
    assert other.get("/stats").status == 200
    admin.patch(other.user, status="suspended")
    assert pool.dead_everywhere(other.token)
    for method, path, members, _ in ROWS:
        answer = other.call(method, path.format(
            user_id=admin.user_id, session_id=NOBODY, login="x"), members)
        assert (answer.status, answer.code) == (401, "invalid_token"), answer


@pytest.mark.parametrize("user_id", [
    NOBODY, "AZ0mQwEAcAGAAAAAAAAAAR", "x", "AZ0mQwEAcAGAAAAAAAAAAQ==", "'--",
    NOBODY + "A", "admin"])
def test_unknown_ids(admin: Admin, user_id: str) -> None:
    for method, path, members, _ in ROWS:
        if "{user_id}" in path and "?" not in path:
            path = path.format(user_id=user_id, session_id=NOBODY)
            refused(admin.call(method, path, members), "not_found")


def test_an_id_has_one_spelling(admin: Admin, user: User) -> None:
    """Its last character has bits that are not used."""
    last = user.user_id[-1]
    for other in "AQgwBRhx":
        answer = admin.get(f"/users/{user.user_id[:-1]}{other}")
        assert answer.status == (200 if other == last else 404)


# ---- users ------------------------------------------------------------------

def test_create(pool: Pool, admin: Admin) -> None:
    members = {"login": "Made-By-Admin", "password": PASSWORD,
               "roles": ["editor", "reader"], "claims": {"plan": "pro"},
               "session_limit": 2, "status": "active"}
    made = admin.good("POST", "/users", members)
    shown = {key: value for key, value in members.items() if key != "password"}
    assert made == {**shown, "login": "made-by-admin",
                    "user_id": made["user_id"],
                    "created_at": made["created_at"]}
    assert admin.good("GET", "/users/" + made["user_id"]) == made
    token = pool.api.login("made-by-admin", PASSWORD).json
    assert pool.api.get("/verify/editor", token["access_token"]).status == 204
    assert pool.api.get("/account", token["access_token"]).json == {
        key: value for key, value in made.items() if key != "session_limit"}
    (event,) = [event for event in admin.rows("/audit",
                                              user_id=made["user_id"])
                if event["event"] != "login"]
    assert (event["event"], event["actor_id"], event["ip"]) == (
        "user_created", admin.user_id, "127.0.0.1")


def test_create_with_nothing_but_a_password(admin: Admin) -> None:
    made = admin.good("POST", "/users", {"login": "bare", "password": PASSWORD,
                                         "session_limit": None})
    assert (made["roles"], made["claims"], made["session_limit"],
            made["status"]) == ([], {}, None, "active")


def test_create_suspended(pool: Pool, admin: Admin) -> None:
    made = admin.good("POST", "/users", {
        "login": "later", "password": PASSWORD, "status": "suspended"})
    assert made["status"] == "suspended"
    assert pool.api.login("later", PASSWORD).code == "account_suspended"
    admin.good("PATCH", "/users/" + made["user_id"], {"status": "active"})
    assert pool.api.login("later", PASSWORD).status == 200


def test_create_where_signup_is_off(deploy: Deploy) -> None:
    pool = deploy(signup=False)
    pool.ctl("user", "add", "root", "--role", "admin", stdin=PASSWORD)
    token = pool.api.login("root", PASSWORD).json["access_token"]
    answer = pool.api.post("/admin/users", {
        "login": "alice", "password": PASSWORD}, token=token)
    assert answer.status == 201, answer


def test_create_refused(admin: Admin, user: User) -> None:
    taken = admin.call("POST", "/users", {
        "login": user.login.upper(), "password": PASSWORD})
    assert (taken.status, taken.code) == (409, "login_taken"), taken
    for password, reason in (("short", "too_short"),
                             ("password1234", "guessable"),
                             ("nobody-at-all", "contains_login")):
        weak = admin.call("POST", "/users", {
            "login": "nobody-at-all", "password": password})
        refused(weak, "weak_password")
        assert reason in weak.json["reasons"], weak
    for login in ("", "a\nb", "x" * 255):
        refused(admin.call("POST", "/users", {
            "login": login, "password": PASSWORD}))
    assert admin.rows("/users", query="nobody-at-all") == []


@pytest.mark.parametrize("members", [
    {"status": "suspended"}, {"status": "active"},
    {"roles": ["editor"]}, {"roles": ["b", "a"]}, {"roles": []},
    {"roles": ["a" * 32]}, {"claims": {"plan": {"of": ["many", None]}}},
    {"claims": {}}, {"session_limit": 1}, {"session_limit": 1000},
    {"session_limit": None},
    {"status": "suspended", "roles": ["x"], "claims": {"é": 1},
     "session_limit": 7},
])
def test_change(admin: Admin, user: User, members: dict) -> None:
    """The answer is the user, as it is read from then on."""
    before = admin.shown(user)
    changed = admin.patch(user, **members)
    assert changed == {**before, **members}
    assert admin.shown(user) == changed


def test_change_of_nothing(pool: Pool, admin: Admin, user: User) -> None:
    admin.patch(user, roles=["b", "a"], claims={"x": 1, "y": 2},
                session_limit=3)
    token = user.sign_in()
    before = admin.shown(user)
    same = [{}, {"roles": ["b", "a"]}, {"claims": {"y": 2, "x": 1}},
            {"session_limit": 3}, {"status": "active"}]
    for members in same:
        assert admin.patch(user, **members) == before
    assert pool.alive_everywhere(token["access_token"])
    assert pool.api.refresh(token["refresh_token"]).status == 200


def test_password(pool: Pool, admin: Admin, user: User) -> None:
    admin.patch(user, password=OTHER_PASSWORD)
    assert pool.api.login(user.login, PASSWORD).code == "invalid_credentials"
    assert pool.api.login(user.login, OTHER_PASSWORD).status == 200
    stored = pool.database.one(
        "SELECT password_hash FROM user WHERE login = %s", user.login)
    assert stored.startswith(b"$argon2id$")


@pytest.mark.parametrize("password, reason", [
    ("short", "too_short"), ("x" * 1025, "too_long"),
    ("password1234", "guessable"), ("{login}", "contains_login")])
def test_weak_password(pool: Pool, admin: Admin, user: User, password: str,
                       reason: str) -> None:
    token = user.sign_in()["access_token"]
    answer = admin.call("PATCH", f"/users/{user.user_id}", {
        "password": password.format(login=user.login), "roles": ["editor"]})
    refused(answer, "weak_password")
    assert reason in answer.json["reasons"], answer
    assert pool.alive_everywhere(token)
    assert admin.shown(user)["roles"] == []


BAD = [
    {"status": "deleted"}, {"status": ""}, {"status": None}, {"status": True},
    {"roles": ["Admin"]}, {"roles": [""]}, {"roles": ["a,b"]},
    {"roles": ["a", "a"]}, {"roles": ["a b"]}, {"roles": ["a" * 33]},
    {"roles": [f"role-{n:04}" for n in range(120)]}, {"roles": "admin"},
    {"roles": [1]}, {"roles": [None]}, {"roles": None}, {"roles": {}},
    {"session_limit": 0}, {"session_limit": -1}, {"session_limit": 1001},
    {"session_limit": 2 ** 64}, {"session_limit": 1.5},
    {"session_limit": "5"}, {"session_limit": True}, {"session_limit": []},
    {"session_limit": {}}, {"session_limit": ""},
    {"claims": None}, {"claims": []}, {"claims": "{}"}, {"claims": 1},
    {"claims": {"sub": "somebody"}}, {"claims": {"a": 1, "roles": ["x"]}},
    {"claims": {"a": "x" * 1024}}, {"claims": {"a": 2 ** 63}},
    {"claims": {"a": "\0"}}, {"claims": {"a\0": 1}},
    {"password": None}, {"password": 1}, {"password": "a\0b" * 5},
    {"login": "other"}, {"user_id": NOBODY}, {"created_at": "now"},
    {"epoch": 0}, {"": 1},
]
BAD_BYTES = [
    b'{"roles":["a"],"roles":["b"]}', b'{"claims":{"a":1,"a":2}}',
    b'{"claims":{"a":1e999}}', b'{"session_limit":1e2}',
    b'{"session_limit":05}', b'{"session_limit":+5}', b"[]", b'"x"', b"null",
]


@pytest.mark.parametrize("members", BAD, ids=str)
def test_bad_changes(admin: Admin, user: User, members: dict) -> None:
    """What is good beside it is not done, either."""
    before = admin.shown(user)
    path = f"/users/{user.user_id}"
    refused(admin.call("PATCH", path, members))
    refused(admin.call("PATCH", path,
                       {"status": "suspended", "session_limit": 9, **members}))
    assert admin.shown(user) == before


@pytest.mark.parametrize("body", BAD_BYTES)
def test_bad_bodies(admin: Admin, user: User, body: bytes) -> None:
    before = admin.shown(user)
    answer = admin.call("PATCH", f"/users/{user.user_id}", body=body)
    assert answer.code in ("invalid_request", "invalid_json"), answer
    assert admin.shown(user) == before


@pytest.mark.parametrize("members", [
    members for members in BAD if members.keys() & {
        "status", "roles", "session_limit", "claims", "password", "epoch"}],
    ids=str)
def test_bad_users(admin: Admin, members: dict) -> None:
    refused(admin.call("POST", "/users", {
        "login": "never-made", "password": PASSWORD, **members}))
    assert admin.rows("/users", query="never-made") == []


def test_delete(pool: Pool, admin: Admin, user: User) -> None:
    path = f"/users/{user.user_id}"
    user.sign_in()
    assert admin.call("DELETE", path).status == 204
    for method in ("GET", "DELETE"):
        refused(admin.call(method, path), "not_found")
    assert pool.api.login(user.login, PASSWORD).code == "invalid_credentials"
    assert pool.database.one(
        "SELECT COUNT(*) FROM session WHERE user_id = %s",
        decode(user.user_id)) == 0
    # The login is free, the name of a new person.
    made = pool.api.signup(user.login, PASSWORD).json
    assert made["user_id"] != user.user_id


def test_reissue_id(pool: Pool, admin: Admin, user: User) -> None:
    before = admin.patch(user, roles=["editor"], claims={"a": 1},
                         session_limit=3)
    after = admin.good("POST", f"/users/{user.user_id}/reissue-id")
    assert after["user_id"] != user.user_id
    assert {**after, "user_id": user.user_id} == before
    refused(admin.get(f"/users/{user.user_id}"), "not_found")
    assert user.sign_in()["user_id"] == after["user_id"]


# ---- lists ------------------------------------------------------------------

# What nobody has asked for: nobody is passed over in silence.
BAD_QUERIES = [
    "limit=0", "limit=-1", "limit=1001", "limit=x", "limit=1.5", "limit=01",
    "limit=+5", "limit=99999999999999999999", "limit=5&limit=5",
    "limit=5&%6cimit=5", "offset=5", "limit=5&x", "x=", "after=.", "after=%",
    "=5",
]
LISTS = ["/users", "/revocations", "/audit"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("query", BAD_QUERIES)
def test_bad_queries(admin: Admin, path: str, query: str) -> None:
    refused(admin.call("GET", f"{path}?{query}"))


@pytest.mark.parametrize("path, query", [
    ("/users", "query=%e2%80%ae"), ("/users", "query=" + "x" * 255),
    ("/users", "query=a&query=b"), ("/users", "user_id=" + NOBODY),
    ("/users", "after=AAAA"), ("/users", "after=" + "A" * 400),
    ("/users", "after=YR"), ("/audit", "user_id=x"),
    ("/audit", f"user_id={NOBODY}&user_id={NOBODY}"),
    ("/audit", "query=a"), ("/audit", "after=5"),
    ("/revocations", "after=0"), ("/revocations", "after=-5"),
    ("/revocations", f"user_id={NOBODY}"),
    ("/revocations", "after=99999999999999999999"),
])
def test_bad_queries_of_one(admin: Admin, path: str, query: str) -> None:
    refused(admin.call("GET", f"{path}?{query}"))


@pytest.mark.parametrize("path", LISTS)
def test_parameters_without_a_value(admin: Admin, path: str) -> None:
    for query in ("?", "?limit=", "?limit&after=", "?&"):
        assert admin.call("GET", path + query).status == 200


def insert_users(database: Database, prefix: str, numbers: range,
                 roles: str = "", claims: str = "{}") -> None:
    """By SQL, since hashing passwords takes long."""
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO user (user_id, login, password_hash, status, roles,"
            " claims, created_at) VALUES (RANDOM_BYTES(16), %s, 'x', 'active',"
            " %s, %s, UTC_TIMESTAMP(6))",
            [(f"{prefix}{n:05}", roles, claims) for n in numbers])


def insert_audit(database: Database, user_id: str, numbers: range) -> None:
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO audit (audit_id, happened_at, event, user_id, ip,"
            " detail) VALUES (%s, UTC_TIMESTAMP(6), 'tested', %s, '', %s)",
            [(n.to_bytes(16, "big"), decode(user_id), str(n))
             for n in numbers])


def insert_revocations(database: Database, numbers: range) -> None:
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO revocation (kind, target, epoch, revoked_at,"
            " expires_at) VALUES ('jti', %s, 0, UTC_TIMESTAMP(6),"
            " UTC_TIMESTAMP(6) + INTERVAL 1 HOUR)",
            [n.to_bytes(16, "big") for n in numbers])


@contextmanager
def meanwhile(work: Callable[[int], None]) -> Iterator[threading.Event]:
    """Works on and on, with numbers that go up.  Gives what is set once it
    has begun."""
    done, begun = threading.Event(), threading.Event()

    def run() -> None:
        number = 0
        while not done.is_set():
            work(number)
            number += 1
            begun.set()

    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(run)
        try:
            assert begun.wait(60)
            yield begun
        finally:
            done.set()
        working.result()


def wait_for_more(begun: threading.Event) -> None:
    """Something is inserted before it comes back."""
    begun.clear()
    assert begun.wait(60)


def test_users_by_the_page(pool: Pool, admin: Admin) -> None:
    """Rows that come meanwhile, before and behind the cursor, shift nothing."""
    there = range(1000, 1070)
    insert_users(pool.database, "page-", there)

    def insert(number: int) -> None:
        insert_users(pool.database, "page-", range(number, number + 1))
        insert_users(pool.database, "page-", range(2000 + number,
                                                   2001 + number))
        insert_users(pool.database, f"page-01035-{number}-", range(1))

    seen: list[str] = []
    with meanwhile(insert) as begun:
        for page in admin.pages("/users", query="page-", limit=7):
            assert len(page) <= 7
            seen += [row["login"] for row in page]
            if seen[-1] >= "page-01069":
                break
            wait_for_more(begun)
    assert seen == sorted(seen) and len(seen) == len(set(seen))
    assert {f"page-{n:05}" for n in there} <= set(seen)


def test_page_sizes(pool: Pool, admin: Admin) -> None:
    insert_users(pool.database, "size-", range(105))
    for limit, sizes in ((None, [100, 5]), (105, [105]), (104, [104, 1]),
                         (35, [35, 35, 35]), (1000, [105])):
        params = {} if limit is None else {"limit": limit}
        assert [len(page) for page in admin.pages(
            "/users", query="size-", **params)] == sizes


def test_pages_of_long_rows(pool: Pool, admin: Admin) -> None:
    """An answer ends before it is too long, and the cursor goes on."""
    roles = ",".join(f"{n:032}" for n in range(30))
    insert_users(pool.database, "long-", range(600), roles,
                 json.dumps({"a": "x" * 1000}))
    pages = list(admin.pages("/users", query="long-", limit=1000))
    assert len(pages) == 2
    assert [row["login"] for page in pages for row in page] == [
        f"long-{n:05}" for n in range(600)]


@pytest.mark.parametrize("query, found", [
    ("quer", ["query%a", "query_b", "queryé", "querz"]),
    ("QUERY", ["query%a", "query_b", "queryé"]), ("query%", ["query%a"]),
    ("query_", ["query_b"]), ("querye\u0301", ["queryé"]),
    ("query%a", ["query%a"]), ("query%ab", []), ("uery", []),
    ("query\\", []), ("query'", []), ("ﬁ", ["fi-ligature"])])
def test_query(pool: Pool, admin: Admin, query: str, found: list[str]) -> None:
    """The beginning of a login, in whatever spelling; no pattern."""
    if not admin.rows("/users", query="querz"):
        for login in ("query%a", "query_b", "queryé", "querz", "fi-ligature"):
            assert pool.api.signup(login, PASSWORD).status == 201
    assert [row["login"] for row in admin.rows("/users", query=query)] == found


def test_audit_by_the_page(pool: Pool, admin: Admin, user: User) -> None:
    """The newest first; what comes meanwhile is newer."""
    there = range(1000, 1070)
    insert_audit(pool.database, user.user_id, there)

    def insert(number: int) -> None:
        insert_audit(pool.database, user.user_id,
                     range(10_000 + number, 10_001 + number))

    seen: list[int] = []
    with meanwhile(insert) as begun:
        for page in admin.pages("/audit", user_id=user.user_id, limit=7):
            seen += [int(row["detail"]) for row in page
                     if row["event"] == "tested"]
            wait_for_more(begun)
    assert seen == sorted(set(seen), reverse=True)
    assert [n for n in seen if n in there] == list(reversed(there))


def test_revocations_by_the_page(pool: Pool, admin: Admin) -> None:
    there = range(1000, 1070)
    insert_revocations(pool.database, there)
    first = int(pool.database.one("SELECT MAX(revocation_id) FROM revocation"))

    def insert(number: int) -> None:
        insert_revocations(pool.database, range(10_000 + number,
                                                10_001 + number))

    seen: list[int] = []
    with meanwhile(insert) as begun:
        for page in admin.pages("/revocations", after=first + 1, limit=7):
            seen += [int.from_bytes(decode(row["jti"]), "big")
                     for row in page if "jti" in row]
            wait_for_more(begun)
    assert [n for n in seen if n in there] == list(reversed(there))
    assert not set(seen) & set(range(10_000, 20_000))
    assert len(seen) == len(set(seen))


def test_audit(pool: Pool, admin: Admin, user: User) -> None:
    token = user.sign_in()
    admin.patch(user, roles=["editor"], session_limit=3)
    admin.good("DELETE", f"/users/{user.user_id}/sessions")
    pool.ctl("user", "roles", user.login, "")
    events = admin.rows("/audit", user_id=user.user_id)
    assert [(event["event"], event["actor_id"], event["ip"], event["detail"])
            for event in events] == [
        ("roles_changed", None, "", ""),
        ("sessions_ended_by_admin", admin.user_id, "127.0.0.1", ""),
        ("session_limit_changed", admin.user_id, "127.0.0.1", "3"),
        ("roles_changed", admin.user_id, "127.0.0.1", "editor"),
        ("login", user.user_id, "127.0.0.1", events[4]["detail"]),
        ("signup", user.user_id, "127.0.0.1", "")]
    assert {event["user_id"] for event in events} == {user.user_id}
    assert [event["session_id"] for event in events] == [
        *[None] * 4, token["session_id"], None]
    times = [moment(event["happened_at"]) for event in events]
    assert times == sorted(times, reverse=True)
    assert admin.rows("/audit", user_id=NOBODY) == []
    everybody = admin.get("/audit", limit=6).json["audit"]
    assert everybody[0] == events[0]


# ---- sessions of others -----------------------------------------------------

def test_sessions(pool: Pool, admin: Admin, user: User) -> None:
    tokens = [user.sign_in(device=device) for device in ("phone", "desk")]
    path = f"/users/{user.user_id}/sessions"
    listed = admin.good("GET", path)
    assert listed == {"sessions": [
        {**row, "current": False} for row in pool.api.get(
            "/sessions", tokens[0]["access_token"]).json["sessions"]]}
    own = admin.good("GET", f"/users/{admin.user_id}/sessions")["sessions"]
    assert [row["current"] for row in own] == [True]
    ended = tokens.pop()
    refused(admin.call("DELETE", f"/users/{admin.user_id}/sessions/"
                                 + ended["session_id"]), "not_found")
    assert pool.alive_everywhere(ended["access_token"])
    one = f"{path}/{ended['session_id']}"
    assert admin.call("DELETE", one).status == 204
    refused(admin.call("DELETE", one), "not_found")
    assert pool.dead_everywhere(ended["access_token"])
    assert pool.alive_everywhere(tokens[0]["access_token"])
    assert admin.good("DELETE", path) == {"ended": 1}
    assert admin.good("DELETE", path) == {"ended": 0}
    assert admin.good("GET", path) == {"sessions": []}


# ---- revocations ------------------------------------------------------------

@pytest.mark.parametrize("members", [
    {}, {"jti": NOBODY, "all": True}, {"jti": NOBODY, "session_id": NOBODY},
    {"user_id": NOBODY, "session_id": NOBODY}, {"all": False}, {"all": 1},
    {"all": "true"}, {"all": None}, {"jti": "x"}, {"jti": NOBODY + "="},
    {"jti": "AZ0mQwEAcAGAAAAAAAAAAR"}, {"session_id": ""},
    {"user_id": "admin"}, {"jti": None}, {"sid": NOBODY}, {"sub": NOBODY},
    {"kid": "x"}])
def test_bad_revocations(pool: Pool, admin: Admin, user: User, members: dict
                         ) -> None:
    token = user.sign_in()["access_token"]
    refused(admin.call("POST", "/revocations", members))
    assert pool.alive_everywhere(token)


@pytest.mark.parametrize("name", ["session_id", "user_id"])
def test_revoking_nobody(admin: Admin, name: str) -> None:
    refused(admin.call("POST", "/revocations", {name: NOBODY}), "not_found")


def test_revocations_are_listed(deploy: Deploy) -> None:
    pool = deploy()
    admin, user = Admin(pool), pool.user()
    token = user.sign_in()
    wanted = [{"jti": NOBODY}, {"session_id": token["session_id"]},
              {"user_id": user.user_id}, {"all": True}]
    before = moment(pool.api.get(
        "/account", admin.token).json["created_at"])
    for members in wanted:
        assert admin.good("POST", "/revocations", members) == members
    admin.token = admin.user.sign_in()["access_token"]
    listed = admin.rows("/revocations")[:4]
    assert [{name: row[name] for name in row if not name.endswith("_at")}
            for row in listed] == wanted[::-1]
    for row in listed:
        assert before <= moment(row["revoked_at"]) < moment(row["expires_at"])
    # What has expired has no token left to kill.
    pool.database.sql("UPDATE revocation SET expires_at = UTC_TIMESTAMP(6)"
                      " WHERE kind = 'jti'")
    assert not any("jti" in row for row in admin.rows("/revocations"))


# ---- figures ----------------------------------------------------------------

def test_stats(deploy: Deploy) -> None:
    pool = deploy(workers=3, verify_workers=2, session_idle_timeout=4000,
                  index_entries=500)
    admin = Admin(pool)
    for _ in range(2):
        user = pool.user()
        for _ in range(2):
            token = user.sign_in()

    def counts() -> tuple[int, int, bool]:
        stats = admin.good("GET", "/stats")
        return stats["users"], stats["live_sessions"], stats["estimated"]

    assert counts() == (3, 5, False)
    pool.api.post("/logout", token=token["access_token"])
    assert counts() == (3, 4, False)
    stats = admin.good("GET", "/stats")
    assert stats["revocations"] == pool.database.one(
        "SELECT COUNT(*) FROM revocation")
    state = stats["pool"]
    assert (state["workers"], state["verify_workers"], state["restarts"],
            state["index_entries"], state["index_fallback"]) == (
                3, 2, 0, 500, False)
    assert 1 <= state["index_used"] <= 500
    assert state["feed_lag_ms"] < 30_000
    pool.clock.advance(4001)
    admin.token = admin.user.sign_in()["access_token"]
    assert counts() == (3, 1, False)


def test_stats_of_large_tables(deploy: Deploy) -> None:
    """Beyond ten thousand rows nobody counts."""
    pool = deploy()
    admin = Admin(pool)
    columns = ("user_id, seed_hash, refresh_key_id, generation,"
               " credential_tag, created_at, last_used_at, rotated_at,"
               " expires_at, device, ip, user_agent")

    def insert(numbers: str) -> None:
        pool.database.sql(
            f"INSERT INTO session (session_id, {columns})"
            f" SELECT UNHEX(LPAD(HEX(seq), 32, '0')), {columns}"
            f" FROM session, {numbers} WHERE session_id = %s",
            decode(admin.session_id))

    insert("seq_1_to_9999")
    stats = admin.good("GET", "/stats")
    assert (stats["live_sessions"], stats["estimated"]) == (10_000, False)
    insert("seq_10000_to_15000")
    pool.database.sql("ANALYZE TABLE session")
    stats = admin.good("GET", "/stats")
    assert stats["estimated"]
    assert 10_000 < stats["live_sessions"] < 100_000


# ---- the last administrator -------------------------------------------------

def admins(pool: Pool) -> int:
    return pool.database.one(
        "SELECT COUNT(*) FROM user WHERE status = 'active'"
        " AND FIND_IN_SET('admin', roles)")


# What takes the right away from somebody.
TAKING: dict[str, tuple[str, Any]] = {
    "demotion": ("PATCH", {"roles": ["editor"]}),
    "suspension": ("PATCH", {"status": "suspended"}),
    "deletion": ("DELETE", None),
}


@pytest.mark.parametrize("taking", TAKING)
def test_nobody_locks_everybody_out(deploy: Deploy, taking: str) -> None:
    pool = deploy()
    admin, suspended = Admin(pool), pool.user("admin")
    admin.patch(suspended, status="suspended")
    pool.user("administrator", "not-admin")
    method, members = TAKING[taking]
    own = f"/users/{admin.user_id}"
    before = admin.shown(admin.user)
    refused(admin.call(method, own, members), "last_admin")
    if members:
        refused(admin.call(method, own, {**members, "session_limit": 3}),
                "last_admin")
    refused(pool.api.call("DELETE", "/account", {"password": PASSWORD},
                          token=admin.token), "last_admin")
    assert admin.shown(admin.user) == before
    # What leaves the right alone is nobody's business.
    admin.patch(admin.user, roles=["editor", "admin"], session_limit=2)
    admin.token = admin.user.sign_in()["access_token"]
    other = admin.good("POST", "/users", {
        "login": "second", "password": PASSWORD, "roles": ["admin"]})
    assert admin.call(method, own, members).status < 300
    assert pool.dead_everywhere(admin.token)
    assert admins(pool) == 1
    token = pool.api.login("second", PASSWORD).json["access_token"]
    refused(pool.api.call(method, "/admin/users/" + other["user_id"], members,
                          token=token), "last_admin")


def running(pool: Pool, statement: str) -> int:
    """On how many connections a statement that begins so is under way."""
    return pool.database.server.sql(
        "SELECT COUNT(*) AS n FROM information_schema.processlist"
        " WHERE db = %s AND info LIKE %s", pool.database.name,
        statement + "%")[0]["n"]


@contextmanager
def held(database: Database, statement: str, *values: Any) -> Iterator[None]:
    """Meanwhile the rows that a statement locks are ours."""
    with database.connect() as connection, connection.cursor() as cursor:
        connection.begin()
        cursor.execute(statement, values)
        yield
        connection.rollback()


@pytest.mark.parametrize("first", TAKING)
@pytest.mark.parametrize("second", TAKING)
def test_two_at_once(deploy: Deploy, first: str, second: str) -> None:
    """Each takes the other's right away: both have begun before either can
    end."""
    pool = deploy()
    one, two = Admin(pool), Admin(pool)
    calls = [(one, two, *TAKING[first]), (two, one, *TAKING[second])]

    def at_once() -> list[Answer] | None:
        with ThreadPoolExecutor(2) as threads:
            with held(pool.database, "SELECT * FROM deployment FOR UPDATE"):
                asked = [threads.submit(actor.call, method,
                                        f"/users/{victim.user_id}", members)
                         for actor, victim, method, members in calls]
                until(lambda: any(answer.done() for answer in asked)
                      or running(pool, "UPDATE deployment SET admin_seq") == 2,
                      "both wait")
            answers = [answer.result() for answer in asked]
        # A wait has an end, which a slow machine comes to.
        return None if any(a.status == 503 for a in answers) else answers

    answers = until(at_once, "neither gives up waiting")
    assert sorted(answer.status < 300 for answer in answers) == [False, True]
    refused(*(answer for answer in answers if answer.status >= 300),
            "last_admin")
    assert admins(pool) == 1
