"""GET /continue: a browser outlives its access token (http-api "Cookie mode")."""

from datetime import datetime, timezone
from urllib.parse import quote

import pytest

import fcgi
from api import check_common, moment
from cookies import (AT, IDLE, PAGE, RT, SIGN_IN, Browser, ages_of,
                     cookie_header, cookies_of, is_invalid, sign_in, unharmed)
from encoding import RefreshToken
from mariadb import MariaDB
from pool import Deploy, Pool, User
from waiting import until


@pytest.fixture
def user(pool: Pool) -> User:
    return pool.user()


@pytest.fixture
def browser(user: User) -> Browser:
    return sign_in(user)


# ---- who goes on ------------------------------------------------------------

def test_continue_with_a_live_token(browser: Browser) -> None:
    before = dict(browser.jar)
    answer = browser.go_on()
    assert (answer.status, answer.body) == (303, b"")
    assert answer.headers["Location"] == PAGE
    assert browser.jar == before, "it has been left alone"
    assert browser.without(RT).go_on().headers["Location"] == PAGE


@pytest.mark.parametrize("later", [230, 299, 1000, 100_000])
def test_continue_rotates(deploy: Deploy, later: int) -> None:
    """The token has expired or is about to."""
    pool = deploy()
    browser = sign_in(pool.user())
    before = browser.without()
    pool.clock.advance(200)
    assert cookies_of(browser.go_on()) == {}, "not yet"
    pool.clock.advance(later - 200)
    answer = browser.go_on()
    assert (answer.status, answer.headers["Location"]) == (303, PAGE)
    assert cookies_of(answer).keys() == {AT, RT}
    assert ages_of(answer) == [IDLE, IDLE]
    assert (RefreshToken.read(browser.jar[RT]).generation
            == RefreshToken.read(before.jar[RT]).generation + 1)
    assert browser.verify() == 204
    # A second tab, a moment later.
    answer = before.go_on()
    assert answer.headers["Location"] == PAGE
    assert before.jar[RT] == browser.jar[RT]


def test_continue_without_a_session(pool: Pool, browser: Browser) -> None:
    stranger = Browser(pool.api)
    assert stranger.go_on().status == 303
    assert stranger.go_on().headers["Location"] == SIGN_IN
    planted = Browser(pool.api, {RT: browser.jar[RT]})
    assert planted.go_on().headers["Location"] == SIGN_IN
    assert browser.with_(AT="x").go_on().headers["Location"] == SIGN_IN
    unharmed(browser)
    kept = browser.without()
    browser.post("/logout")
    answer = kept.go_on()
    assert (answer.status, answer.headers["Location"]) == (303, SIGN_IN)
    assert cookies_of(answer) == {}


def test_continue_with_an_expired_token_alone(deploy: Deploy) -> None:
    pool = deploy()
    browser = sign_in(pool.user())
    pool.clock.advance(250)
    alone = browser.without(RT)
    answer = alone.go_on()
    assert answer.headers["Location"] == PAGE, "it lives"
    assert cookies_of(answer) == {}
    pool.clock.advance(100)
    assert alone.go_on().headers["Location"] == SIGN_IN


def test_continue_with_new_roles(pool: Pool, user: User, browser: Browser
                                 ) -> None:
    """The access token is revoked, the session is not."""
    pool.ctl("user", "roles", user.login, "editor")
    until(lambda: browser.verify() == 401, "the feed brings it")
    answer = browser.go_on()
    assert answer.headers["Location"] == PAGE
    assert cookies_of(answer).keys() == {AT, RT}
    answer = browser.call("GET", "/verify/editor")
    assert answer.status == 204
    assert answer.headers["X-Auth-Roles"] == "editor"


def test_continue_of_a_suspended_user(deploy: Deploy) -> None:
    pool = deploy()
    user = pool.user()
    browser = sign_in(user)
    pool.suspend(user)
    pool.clock.advance(400)
    answer = browser.go_on()
    assert answer.headers["Location"] == SIGN_IN
    assert cookies_of(answer) == {}
    assert user.session_rows() == []


def test_continue_notices_theft(deploy: Deploy) -> None:
    pool = deploy()
    user = pool.user()
    browser = sign_in(user)
    thief = browser.without()
    for _ in range(2):
        pool.clock.advance(400)
        assert browser.go_on().headers["Location"] == PAGE
    answer = thief.go_on()
    assert (answer.status, answer.headers["Location"]) == (303, SIGN_IN)
    assert cookies_of(answer) == {}
    assert user.session_rows() == []
    assert browser.verify() == 401
    assert browser.go_on().headers["Location"] == SIGN_IN


def test_continue_outlives_many_tokens(deploy: Deploy) -> None:
    pool = deploy(access_token_lifetime=4, leeway=0)
    browser = sign_in(pool.user())
    for _ in range(5):
        pool.clock.advance(10)
        assert browser.verify() == 401
        assert browser.go_on().headers["Location"] == PAGE
        answer = browser.call("GET", "/verify")
        assert answer.status == 204
        assert (moment(answer.headers["X-Auth-Expires"])
                > datetime.now(timezone.utc))


@pytest.mark.parametrize("url", ["https://id.example/in", "/in"])
def test_sign_in_url(deploy: Deploy, url: str) -> None:
    pool = deploy(sign_in_url=url)
    location = Browser(pool.api).go_on().headers["Location"]
    assert location == url + "?to=" + quote(PAGE, safe="/")


def test_continue_takes_get(browser: Browser) -> None:
    for method in ("POST", "PUT", "DELETE"):
        answer = browser.call(method, "/continue?to=/")
        assert (answer.status, answer.code) == (405, "method_not_allowed")
    head = browser.api.raw("HEAD", "/auth/continue?to=/", None, {
        "Cookie": cookie_header(browser.jar)})
    assert (head.status, head.headers["Location"]) == (303, "/")


# ---- where to ---------------------------------------------------------------

LOCAL = {
    "/": "/",
    "/a/b?c=d": "/a/b?c=d",
    "%2Fa%2Fb%3Fc%3Dd%26e": "/a/b?c=d&e",
    "/a//b": "/a//b",
    "/%255cevil.example": "/%5cevil.example",
    "/a%23b": "/a#b",
    "/a&x=//evil.example": "/a",
    "/?u=https://evil.example/": "/?u=https://evil.example/",
    "/" + "a" * 4000: "/" + "a" * 4000,
}

NOT_LOCAL = [
    "//evil.example", "///evil.example", "%2f%2fevil.example",
    "%2F/evil.example", "/%2fevil.example", "/\\evil.example",
    "/%5cevil.example", "/%5Cevil.example", "%5c%5cevil.example",
    "\\\\evil.example", "%5c/evil.example", "/a%5cb", "https://evil.example/",
    "https:evil.example", "https%3A%2F%2Fevil.example", "http:/evil.example",
    "javascript:alert(1)", "data:text/html,x", "evil.example", "",
    "?a", "%20/a", "/%20/evil.example", "%09//evil.example",
    "/%09/evil.example", "/%0a/evil.example", "/%0d/evil.example",
    "/a%0d%0aSet-Cookie:%20x=y", "/a%0aX:y", "/a%00", "%00/a", "/a%01",
    "/a%7f", "/a\x01", "/a\t", "/%c3%a4", "/ä", "/a%", "/a%2", "/a%zz",
    "/a%22", "/a%3cb", "/a&to=/b", "/a&to=//evil.example", "/" + "a" * 4096,
    "/" + "a" * 60_000, "/" + "%61" * 4096,
]


@pytest.mark.parametrize("to", LOCAL)
def test_local_paths(pool: Pool, browser: Browser, to: str) -> None:
    answer = fcgi.call(pool.socket, "GET", "/auth/continue?to=" + to,
                       HTTP_COOKIE=cookie_header(browser.jar))
    assert answer.status == 303, answer
    assert answer.headers["Location"] == LOCAL[to]


@pytest.mark.parametrize("to", NOT_LOCAL)
def test_nobody_is_sent_elsewhere(pool: Pool, browser: Browser, to: str
                                  ) -> None:
    for jar in (browser.jar, {}):
        answer = fcgi.call(pool.socket, "GET", "/auth/continue?to=" + to,
                           HTTP_COOKIE=cookie_header(jar))
        check_common(answer)
        assert is_invalid(answer), answer
        assert answer.headers["Location"] is None
        assert answer.headers["Set-Cookie"] is None


@pytest.mark.parametrize("query", [
    "", "?", "?to", "?To=/a", "?x=/a", "?%74o=/"])
def test_continue_has_to_know_where(browser: Browser, query: str) -> None:
    answer = browser.call("GET", "/continue" + query)
    assert is_invalid(answer), answer


@pytest.mark.parametrize("to", [
    "//evil.example", "%2f%2fevil.example", "/%5cevil.example",
    "https://evil.example/", "/%09/evil.example", "/a%0d%0aX:y"])
def test_nobody_is_sent_elsewhere_by_lighttpd(browser: Browser, to: str
                                              ) -> None:
    answer = browser.api.raw("GET", "/auth/continue?to=" + to, None, {
        "Cookie": cookie_header(browser.jar)})
    assert answer.status == 400, answer
    assert answer.headers["Location"] is None


# ---- MariaDB away -----------------------------------------------------------

def test_mariadb_away(deploy: Deploy, own_server: MariaDB) -> None:
    pool = deploy(server=own_server, max_staleness=3600)
    user = pool.user()
    browser = sign_in(user)
    own_server.stop()
    before = dict(browser.jar)
    for path in ("/refresh", "/renew", "/logout"):
        answer = browser.post(path)
        assert (answer.status, answer.code) == (503, "unavailable"), answer
    assert browser.go_on().headers["Location"] == PAGE
    pool.clock.advance(250)
    assert browser.go_on().headers["Location"] == PAGE, "it lives, still"
    pool.clock.advance(100)
    answer = browser.go_on()
    assert (answer.status, answer.code) == (503, "unavailable"), answer
    assert browser.jar == before, "nobody is signed out by it"
    own_server.start()
    until(lambda: browser.go_on().headers["Location"] == PAGE, "it is back")
    assert browser.jar != before
    assert browser.verify() == 204
