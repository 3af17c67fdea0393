"""Bad input of every kind that http-api.md names under "Rules for all", and
the code that it gets."""

import http.client

import pytest

import fcgi
from api import NEEDS_BEARER, Api
from pool import PASSWORD, Pool

# Any endpoint that takes a body does; this one needs nothing else.
PATH = "/login"


def nested(depth: int) -> bytes:
    """An object in which values are nested so deep."""
    return b'{"login":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


INVALID_JSON = {
    "nothing": b"",
    "blanks": b" \n",
    "cut short": b'{"login":"a"',
    "garbage after": b'{"login":"a","password":"b"} x',
    "two values": b'{"login":"a","password":"b"}{}',
    "block comment": b'{/* */"login":"a","password":"b"}',
    "line comment": b'{"login":"a","password":"b"} // x',
    "single quotes": b"{'login':'a','password':'b'}",
    "bare word": b"login",
    "trailing comma": b'{"login":"a","password":"b",}',
    "leading zero": b'{"login":01}',
    "no number": b'{"login":NaN}',
    "raw control character": b'{"login":"a\x01","password":"b"}',
    "raw NUL": b'{"login":"a\x00","password":"b"}',
    "unknown escape": rb'{"login":"\x61","password":"b"}',
    "byte order mark": b'\xef\xbb\xbf{"login":"a","password":"b"}',
    "invalid UTF-8": b'{"login":"\xff","password":"b"}',
    "invalid UTF-8 in a name": b'{"\xff":"a"}',
    "overlong UTF-8": b'{"login":"\xc0\xaf","password":"b"}',
    "surrogate in UTF-8": b'{"login":"\xed\xa0\x80","password":"b"}',
    "lone high surrogate": rb'{"login":"\ud800","password":"b"}',
    "lone low surrogate": rb'{"login":"\udc00","password":"b"}',
    "swapped surrogates": rb'{"login":"\udc00\ud800","password":"b"}',
    "nested too deep": nested(9),
    "nested far too deep": nested(5000),
}

INVALID_REQUEST = {
    "array": b"[]",
    "string": b'"login"',
    "null": b"null",
    "number": b"1",
    "empty object": b"{}",
    "member missing": b'{"login":"a"}',
    "member unknown": b'{"login":"a","password":"b","admin":true}',
    "member twice": b'{"login":"a","login":"a","password":"b"}',
    "member twice by escape": rb'{"login":"a","lo\u0067in":"a","password":"b"}',
    "name differs in case": b'{"Login":"a","password":"b"}',
    "number for string": b'{"login":1,"password":"b"}',
    "null for string": b'{"login":null,"password":"b"}',
    "array for string": b'{"login":["a"],"password":"b"}',
    "object for string": b'{"login":{"a":"b"},"password":"b"}',
    "NUL in a string": rb'{"login":"a\u0000b","password":"b"}',
    "NUL in a password": rb'{"login":"a","password":"b\u0000"}',
    "NUL in a name": rb'{"login\u0000":"a","password":"b"}',
    "nested as deep as may be": nested(8),
}


@pytest.mark.parametrize("body", INVALID_JSON.values(), ids=INVALID_JSON)
def test_invalid_json(api: Api, body: bytes) -> None:
    answer = api.post(PATH, body=body)
    assert (answer.status, answer.code) == (400, "invalid_json"), answer


@pytest.mark.parametrize("body", INVALID_REQUEST.values(),
                         ids=INVALID_REQUEST)
def test_invalid_request(api: Api, body: bytes) -> None:
    answer = api.post(PATH, body=body)
    assert (answer.status, answer.code) == (400, "invalid_request"), answer


@pytest.mark.parametrize("path", ["/signup", "/login", "/refresh", "/logout"])
def test_every_body_is_held_to_the_rules(api: Api, path: str) -> None:
    assert api.post(path, body=b"{").code == "invalid_json"
    assert api.post(path, body=b"[]").code == "invalid_request"
    assert api.post(path, body=b'{"surprise":1}').code == "invalid_request"
    assert api.post(path, body=b"{}", content_type="text/plain").code == (
        "unsupported_media_type")


@pytest.mark.parametrize("content_type, status", [
    ("application/json", 401),
    ("Application/JSON", 401),
    ("application/json; charset=utf-8", 401),
    ("application/json;charset=UTF-8", 401),
    ("text/plain", 415),
    ("text/json", 415),
    ("application/jsonp", 415),
    ("application/problem+json", 415),
    ("application/x-www-form-urlencoded", 415),
    ("multipart/form-data; boundary=x", 415),
    ("", 415),
])
def test_content_types(api: Api, content_type: str, status: int) -> None:
    answer = api.post(PATH, {"login": "nobody", "password": PASSWORD},
                      content_type=content_type)
    assert answer.status == status, answer
    if status == 415:
        assert answer.code == "unsupported_media_type"


def padded(size: int) -> bytes:
    body = b'{"login":"nobody","password":"' + PASSWORD.encode() + b'"}'
    return body + b" " * (size - len(body))


@pytest.mark.parametrize("size, status", [
    (16 * 1024, 401), (16 * 1024 + 1, 413), (1000 * 1000, 413)])
def test_body_limit(api: Api, size: int, status: int) -> None:
    answer = api.post(PATH, body=padded(size))
    assert answer.status == status, answer
    if status == 413:
        assert answer.code == "body_too_large"


def test_lighttpd_bounds_what_it_stores(api: Api) -> None:
    answer = api.raw("POST", "/auth/login", padded(2 * 1024 * 1024),
                     {"Content-Type": "application/json"})
    assert answer.status == 413


@pytest.mark.parametrize("path, allowed", [
    ("/signup", {"POST"}), ("/login", {"POST"}), ("/refresh", {"POST"}),
    ("/renew", {"POST"}), ("/logout", {"POST"}), ("/logout-all", {"POST"}),
    ("/sessions", {"GET", "HEAD"}), ("/account", {"GET", "HEAD", "DELETE"}),
    ("/sessions/AAAAAAAAAAAAAAAAAAAAAA", {"DELETE"}),
    ("/admin/users", {"GET", "HEAD", "POST"}),
    ("/admin/users/x", {"GET", "HEAD", "PATCH", "DELETE"}),
    ("/admin/users/x/sessions", {"GET", "HEAD", "DELETE"}),
    ("/admin/users/x/sessions/y", {"DELETE"}),
    ("/health", {"GET", "HEAD"}), ("/ready", {"GET", "HEAD"}),
    ("/.well-known/jwks.json", {"GET", "HEAD"}),
])
def test_methods(api: Api, path: str, allowed: set[str]) -> None:
    for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} - allowed:
        answer = api.raw(method, "/auth" + path)
        assert answer.status == 405, (method, answer)
        named = set(answer.headers["Allow"].replace(" ", "").split(","))
        assert named - {"OPTIONS"} == allowed, (method, named)
        if method != "HEAD":
            assert answer.code == "method_not_allowed"


@pytest.mark.parametrize("path", [
    "", "/", "/nothing", "/login/", "/LOGIN", "//login", "/login/x",
    "/sessions/", "/sessions/a/b", "/verify/", "/verify/a/b", "/verifyx",
    "/.well-known/", "/.well-known/jwks", "/admin", "/admin/users/",
])
def test_unknown_paths(api: Api, path: str) -> None:
    answer = api.get(path)
    assert (answer.status, answer.code) == (404, "not_found"), answer


@pytest.mark.parametrize("target", [
    "", "/", "auth/health", "/authx/health", "/auth", "/auth/", "/auth?x",
    "/auth//health", "/auth/./health", "/auth/../auth/health",
    "/auth/%68ealth", "/auth/health%00", "/auth/health\n",
    "/auth/health#x", "*", "http://127.0.0.1", "http://127.0.0.1/health",
    "/nothing?x=http://y/auth/health", "/x://y/auth/health",
    "http:/auth/health", "http://y?/auth/health",
    "/auth/" + "x" * 60000,
])
def test_targets_that_no_web_server_passes_on(pool: Pool, target: str) -> None:
    """The path is compared as it came, never decoded or resolved."""
    answer = fcgi.call(pool.socket, "GET", target)
    assert (answer.status, answer.code) == (404, "not_found"), answer


def test_absolute_form(pool: Pool) -> None:
    """RFC 9112, 3.2.2: a server has to take it."""
    answer = fcgi.call(pool.socket, "GET", "http://127.0.0.1/auth/health")
    assert answer.status == 200, answer


@pytest.mark.parametrize("size", [8 * 1024, 8 * 1024 + 1, 60000])
def test_long_tokens(pool: Pool, size: int) -> None:
    """Longer than web servers pass on."""
    answer = fcgi.call(pool.socket, "GET", "/auth/verify",
                       HTTP_AUTHORIZATION="Bearer " + "A" * size)
    assert (answer.status, answer.code) == (401, "invalid_token"), answer


def test_head_is_get_without_the_body(api: Api) -> None:
    get = api.get("/health")
    head = api.raw("HEAD", "/auth/health")
    assert (head.status, head.body) == (get.status, b"")
    assert head.headers["Content-Length"] == get.headers["Content-Length"]


def test_query_does_not_matter(pool: Pool, api: Api) -> None:
    token = pool.user().sign_in()["access_token"]
    assert api.get("/health?x=1").status == 200
    assert api.get("/account?" + "x" * 500, token).status == 200
    answer = api.get("/account?access_token=" + token)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_request_ids_differ(api: Api) -> None:
    ids = {api.get("/health").headers["X-Request-Id"] for _ in range(5)}
    assert len(ids) == 5


@pytest.mark.parametrize("method, path", [*NEEDS_BEARER, ("POST", "/logout")])
def test_no_credentials(api: Api, method: str, path: str) -> None:
    answer = api.call(method, path)
    assert (answer.status, answer.code) == (401, "invalid_token"), answer
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("method, path", NEEDS_BEARER)
@pytest.mark.parametrize("token", [
    "x", "a.b.c", "a.b", "....", "eyJhbGciOiJub25lIn0.e30.", "=" * 100,
    "A" * 7000])
def test_bad_credentials(api: Api, method: str, path: str, token: str) -> None:
    answer = api.call(method, path, token=token)
    assert (answer.status, answer.code) == (401, "invalid_token"), answer
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith("Bearer ")
    assert 'error="invalid_token"' in challenge


def test_refresh_token_is_no_access_token(pool: Pool, api: Api) -> None:
    token = pool.user().sign_in()["refresh_token"]
    assert api.verify(token) == 401


@pytest.mark.parametrize("value, status", [
    ("Bearer {}", 204), ("bearer {}", 204), ("BEARER {}", 204),
    ("Basic {}", 401), ("Bearer{}", 401), ("{}", 401), ("Bearer {} x", 401),
    ("Bearer {}=", 401), ("Bearer", 401), ("Bearer ,{}", 401),
])
def test_authorization_header(pool: Pool, api: Api, value: str, status: int
                              ) -> None:
    token = pool.user().sign_in()["access_token"]
    answer = api.get("/verify",
                     headers={"Authorization": value.format(token)})
    assert answer.status == status, answer


def test_two_authorization_headers(pool: Pool, api: Api) -> None:
    """ASVS 15.3.4: whichever of the two were good, it is not clear whose
    request this is."""
    tokens = [pool.user().sign_in()["access_token"] for _ in range(2)]
    connection = http.client.HTTPConnection("127.0.0.1", api.port)
    connection.putrequest("GET", "/auth/verify")
    for token in tokens:
        connection.putheader("Authorization", f"Bearer {token}")
    connection.endheaders()
    assert connection.getresponse().status in (400, 401)
    connection.close()


def test_missing_role(pool: Pool, api: Api) -> None:
    token = pool.user("reader").sign_in()["access_token"]
    answer = api.get("/verify/admin", token)
    assert (answer.status, answer.code) == (403, "forbidden"), answer
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
