"""Cookie mode (http-api "Cookie mode"; checks 22 to 24)."""

import http.client
import re
import subprocess

import jwt
import pytest

import fcgi
from api import Answer, Api, check_common
from cookies import (AT, IDLE, JSON, OURS, PAGE, RT, SIGN_IN, Browser, ages_of,
                     cookie_header, cookies_of, is_invalid, sign_in, unharmed)
from encoding import RefreshToken
from pool import PASSWORD, Deploy, Pool, User
from webserver import TOP, Apache, Lighttpd, Nginx, WebServer

Headers = list[tuple[str, str]]


def send(api: Api, method: str, path: str, headers: Headers,
         body: bytes = b"") -> Answer:
    """A request whose headers may come twice."""
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=60)
    try:
        connection.putrequest(method, api.mount + path)
        for name, value in headers:
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
    finally:
        connection.close()
    check_common(answer)
    return answer


@pytest.fixture
def user(pool: Pool) -> User:
    return pool.user()


@pytest.fixture
def browser(user: User) -> Browser:
    return sign_in(user)


# ---- the cookies ------------------------------------------------------------

def test_login(pool: Pool, user: User) -> None:
    browser = Browser(pool.api)
    answer = browser.post("/login", {"login": user.login,
                                     "password": PASSWORD, "cookies": True})
    assert answer.json.keys() == {"token_type", "expires_in",
                                  "refresh_expires_in", "session_id",
                                  "user_id"}
    assert cookies_of(answer).keys() == {AT, RT}
    assert ages_of(answer) == [IDLE, IDLE], "an expired AT has a name to tell"
    assert answer.json["expires_in"] == 300
    assert browser.verify() == 204
    assert pool.api.get("/account", headers={
        "Cookie": cookie_header(browser.jar)}).json["login"] == user.login


def test_body_tokens_set_no_cookies(pool: Pool, user: User) -> None:
    for more in ({}, {"cookies": False}):
        answer = pool.api.login(user.login, PASSWORD, **more)
        assert "access_token" in answer.json
        assert cookies_of(answer) == {}
        refreshed = pool.api.refresh(answer.json["refresh_token"])
        assert cookies_of(refreshed) == {}


@pytest.mark.parametrize("value", [1, "true", None, [], {}])
def test_cookies_is_a_boolean(pool: Pool, user: User, value: object) -> None:
    answer = pool.api.post("/login", {
        "login": user.login, "password": PASSWORD, "cookies": value},
        headers=OURS)
    assert is_invalid(answer), answer


def test_insecure_cookies(deploy: Deploy) -> None:
    """By the setting, and then only those."""
    pool = deploy(insecure_cookies=True)
    user = pool.user()
    browser = Browser(pool.api)
    answer = browser.post("/login", {"login": user.login,
                                     "password": PASSWORD, "cookies": True})
    assert cookies_of(answer).keys() == {"lk_at", "lk_rt"}
    assert browser.verify() == 204
    assert browser.go_on().headers["Location"] == PAGE
    assert cookies_of(browser.post("/refresh")).keys() == {"lk_at", "lk_rt"}
    secure = Browser(pool.api, {AT: browser.jar["lk_at"],
                                RT: browser.jar["lk_rt"]})
    assert secure.verify() == 401
    answer = browser.post("/logout")
    assert (answer.status, cookies_of(answer)) == (
        204, {"lk_at": "", "lk_rt": ""})


def test_prefixes_are_needed_by_default(browser: Browser) -> None:
    assert Browser(browser.api, {"lk_at": browser.jar[AT],
                                 "lk_rt": browser.jar[RT]}).verify() == 401


def test_all_roles_that_there_may_be_fit(pool: Pool) -> None:
    user = pool.user(*(f"{n:02x}" for n in range(160)))
    browser = sign_in(user)
    assert len(browser.jar[AT]) > 1500
    assert browser.verify() == 204


def test_log_has_no_cookie(pool: Pool, browser: Browser) -> None:
    before = dict(browser.jar)
    browser.post("/refresh")
    browser.go_on()
    browser.with_(AT="x" + browser.jar[AT]).post("/refresh")
    browser.post("/logout")
    log = pool.log()
    for name in (AT, RT):
        assert before[name] not in log and before[name][-20:] not in log


def test_lines_of_readme(pool: Pool) -> None:
    """As printed, for alice of the section before."""
    pool.api.signup("alice", PASSWORD)
    section = (TOP / "README.md").read_text().split("\n## Cookie mode\n")[1]
    lines = re.findall(r"^    (.*)$", section.split("\n## ")[0], re.M)
    script = "\n".join(lines).replace(
        "http://127.0.0.1:8080", f"http://127.0.0.1:{pool.api.port}").replace(
        "/tmp/jar", str(pool.directory / "jar"))
    done = subprocess.run(["bash", "-eu"], input=script, text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done
    assert re.findall(r"HTTP/1.1 (\d+)", done.stdout) == [
        "200", "204", "303", "403", "204", "303"]
    assert re.findall(r"^Location: (.*?)\r?$", done.stdout, re.M) == [
        "/private/", "/auth/ui/?to=/private/"]
    assert "_token" not in done.stdout


# ---- one credential, once ---------------------------------------------------

ALL = [("GET", "/account"), ("GET", "/sessions"), ("POST", "/renew"),
       ("POST", "/refresh"), ("POST", "/logout"), ("POST", "/logout-all"),
       ("DELETE", "/sessions/" + "A" * 22), ("GET", "/continue?to=/"),
       ("POST", "/password"), ("DELETE", "/account")]


@pytest.mark.parametrize("method, path", ALL)
def test_bearer_and_cookie(browser: Browser, method: str, path: str) -> None:
    for token in (browser.jar[AT], "x"):
        answer = browser.call(method, path, token=token)
        assert is_invalid(answer), answer
        assert cookies_of(answer) == {}
    assert browser.verify() == 204


def test_bearer_and_cookie_to_verify(browser: Browser) -> None:
    answer = browser.call("GET", "/verify", token=browser.jar[AT])
    assert (answer.status, answer.code) == (401, "invalid_token")


def doubled(jar: dict[str, str], name: str, value: str
            ) -> dict[str, Headers]:
    """A cookie of ours and another one of its name, in one header and in two,
    before and behind."""
    pairs = [cookie_header(jar), f"{name}={value}"]
    return {
        "behind": [("Cookie", "; ".join(pairs))],
        "before": [("Cookie", "; ".join(reversed(pairs)))],
        "two headers": [("Cookie", pair) for pair in pairs],
        "two headers, behind another": [
            ("Cookie", pairs[0] + "; x=1"), ("Cookie", pairs[1])],
        "two headers, others last": [
            ("Cookie", pairs[1] + "; x=1"), ("Cookie", pairs[0] + "; y=2")],
    }


@pytest.mark.parametrize("web", [Lighttpd, Nginx, Apache])
def test_behind_each_web_server(deploy: Deploy, web: type[WebServer]) -> None:
    # Apache runs as another user when the tests are root's.
    pool = deploy(web, socket_mode="0666")
    browser = sign_in(pool.user())
    for name in (AT, RT):
        for value in (browser.jar[name], "x", ""):
            for way, headers in doubled(browser.jar, name, value).items():
                answer = send(pool.api, "GET", "/account", headers)
                assert is_invalid(answer), (name, value, way, answer)
                answer = send(pool.api, "GET", "/verify", headers)
                assert (answer.status, answer.code) == (
                    401, "invalid_token"), (name, value, way, answer)
                answer = send(pool.api, "POST", "/logout", [
                    *headers, *OURS.items(), *JSON.items()])
                assert is_invalid(answer), (name, value, way, answer)
    assert cookies_of(browser.post("/refresh")).keys() == {AT, RT}
    assert browser.go_on().headers["Location"] == PAGE
    kept = browser.without()
    assert cookies_of(browser.post("/logout")) == {AT: "", RT: ""}
    assert kept.verify() == 401
    assert kept.go_on().headers["Location"] == SIGN_IN


@pytest.mark.parametrize("method, path", ALL)
def test_doubled_cookie(browser: Browser, method: str, path: str) -> None:
    for headers in doubled(browser.jar, AT, "x").values():
        answer = send(browser.api, method, path, [
            *headers, *OURS.items(), *JSON.items()])
        assert is_invalid(answer), answer
    assert browser.verify() == 204


@pytest.mark.parametrize("first, second", [
    (f"{AT}={{}}", f"{AT}={{}}"), (f"{AT}={{}}", f"x=y; {AT}=x"),
    (f"{AT}=", f"{AT}={{}}"), (f"{RT}=a; {AT}={{}}", f"{RT}=a")])
def test_two_params(pool: Pool, browser: Browser, first: str, second: str
                    ) -> None:
    """As nginx hands two headers over."""
    def ask(socket: fcgi.Address, path: str, *values: str) -> Answer:
        content = fcgi.pairs(fcgi.variables("GET", "/auth" + path))
        for value in values:
            content += fcgi.pairs(
                {"HTTP_COOKIE": value.format(browser.jar[AT])})
        with fcgi.Connection(socket) as connection:
            connection.send(fcgi.begin() + fcgi.record(fcgi.PARAMS, content)
                            + fcgi.record(fcgi.PARAMS)
                            + fcgi.record(fcgi.STDIN))
            return connection.answer()

    assert is_invalid(ask(pool.socket, "/account", first, second))
    answer = ask(pool.verify_socket, "/verify", first, second)
    assert (answer.status, answer.code) == (401, "invalid_token")
    # Two headers are no fault in themselves.
    assert ask(pool.verify_socket, "/verify", "x=y", AT + "={}").status == 204


@pytest.mark.parametrize("value", [
    "", "x", "a.b.c", '"{}"', "{} ", "{},", "{}%20", "{}x"])
def test_bad_cookie_is_no_identity(browser: Browser, value: str) -> None:
    bad = browser.with_(AT=value.format(browser.jar[AT]))
    assert bad.verify() == 401
    answer = bad.call("GET", "/account")
    assert answer.status in (400, 401), answer


# ---- requests of other sites ------------------------------------------------

@pytest.fixture(scope="module")
def origins(pool: Pool) -> dict[str, tuple[Headers, bool]]:
    """What says where a request comes from, and whether it is enough."""
    own, json = pool.issuer, list(JSON.items())

    def fetch(value: str) -> Headers:
        return [*json, ("Sec-Fetch-Site", value)]

    def origin(*values: str) -> Headers:
        return [*json, *(("Origin", value) for value in values)]

    return {
        "same origin": (fetch("same-origin"), True),
        "own origin": (origin(own), True),
        "X-Latchkey": ([*json, ("X-Latchkey", "1")], True),
        "charset": ([("Content-Type", "application/json; charset=utf-8"),
                     ("X-Latchkey", "1")], True),
        "nothing": (json, False),
        "same site": (fetch("same-site"), False),
        "cross site": (fetch("cross-site"), False),
        "by hand": (fetch("none"), False),
        "other origin": (origin("https://evil.example"), False),
        "other port": (origin("http://127.0.0.1:1"), False),
        "other scheme": (origin(own.replace("http:", "https:")), False),
        "longer origin": (origin(own + ".evil.example"), False),
        "slash": (origin(own + "/"), False),
        "null": (origin("null"), False),
        "own and other": (origin(own, "https://evil.example"), False),
        "other and own": (origin("https://evil.example", own), False),
        "own twice": (origin(own + ", " + own), False),
        "X-Latchkey: 2": ([*json, ("X-Latchkey", "2")], False),
        "X-Latchkey: 1, 2": ([*json, ("X-Latchkey", "1"),
                              ("X-Latchkey", "2")], False),
        "no type": ([("X-Latchkey", "1")], False),
        "plain text": ([("Content-Type", "text/plain"), ("Origin", own),
                        ("Sec-Fetch-Site", "same-origin")], False),
        "form": ([("Content-Type", "application/x-www-form-urlencoded"),
                  ("X-Latchkey", "1")], False),
        "upload": ([("Content-Type", "multipart/form-data; boundary=x"),
                    ("X-Latchkey", "1")], False),
    }


UNSAFE = [("POST", "/renew"), ("POST", "/refresh"), ("POST", "/logout"),
          ("POST", "/logout-all"), ("DELETE", "/sessions/{}")]


@pytest.mark.parametrize("method, path", UNSAFE)
def test_csrf(pool: Pool, user: User, origins: dict, method: str, path: str
              ) -> None:
    def ask(browser: Browser, headers: Headers, body: bytes) -> Answer:
        claims = jwt.decode(browser.jar[AT],
                            options={"verify_signature": False})
        return send(pool.api, method, path.format(claims["sid"]), [
            ("Cookie", cookie_header(browser.jar)), *headers], body)

    browser = sign_in(user)
    (row,) = user.session_rows()
    for name, (headers, enough) in origins.items():
        for body in (b"", b"{}") if not enough else ():
            answer = ask(browser, headers, body)
            assert (answer.status, answer.code) == (403, "csrf"), (
                name, body, answer)
            assert cookies_of(answer) == {}, name
    assert user.session_rows() == [row], "and nothing has been done"
    for name, (headers, enough) in origins.items():
        if enough:
            answer = ask(sign_in(user), headers, b"{}")
            assert answer.status in (200, 204), (name, answer)


def test_csrf_of_login(pool: Pool, user: User, origins: dict) -> None:
    """Nobody is signed in to somebody else's account unseen."""
    body = (f'{{"login":"{user.login}","password":"{PASSWORD}",'
            '"cookies":true}').encode()
    for name, (headers, enough) in origins.items():
        answer = send(pool.api, "POST", "/login", headers, body)
        if enough:
            assert answer.status == 200, (name, answer)
            assert cookies_of(answer).keys() == {AT, RT}
            continue
        assert (answer.status, answer.code) in (
            (403, "csrf"), (415, "unsupported_media_type")), (name, answer)
        assert cookies_of(answer) == {}, name
    assert len(user.session_rows()) == sum(
        enough for _, enough in origins.values())


def test_csrf_is_told_before_the_password(pool: Pool, user: User) -> None:
    answer = pool.api.login(user.login, "a wrong pass phrase", cookies=True)
    assert (answer.status, answer.code) == (403, "csrf")


def test_safe_methods_need_nothing(browser: Browser) -> None:
    for path in ("/account", "/sessions", "/verify"):
        assert browser.call("GET", path, headers={
            "Sec-Fetch-Site": "cross-site"}).status in (200, 204)


def test_verify_is_asked_about_requests_of_any_kind(browser: Browser) -> None:
    """A page defends itself against CSRF."""
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = send(browser.api, method, "/verify", [
            ("Cookie", cookie_header(browser.jar)),
            ("Content-Type", "text/plain")], b"x")
        assert answer.status == 204, (method, answer)


def test_bearer_needs_no_proof(pool: Pool, user: User) -> None:
    token = user.sign_in()["access_token"]
    answer = pool.api.post("/renew", token=token,
                           headers={"Origin": "https://evil.example"})
    assert answer.status == 200


# ---- refresh, renewal, logout -----------------------------------------------

@pytest.mark.parametrize("members", [None, {}])
def test_refresh(browser: Browser, user: User, members: object) -> None:
    before = browser.without()
    answer = browser.post("/refresh", members)
    assert answer.status == 200, answer
    assert answer.json.keys() == {"token_type", "expires_in",
                                  "refresh_expires_in", "session_id",
                                  "user_id"}
    assert cookies_of(answer).keys() == {AT, RT}
    assert ages_of(answer) == [IDLE, IDLE]
    assert (RefreshToken.read(browser.jar[RT]).generation
            == RefreshToken.read(before.jar[RT]).generation + 1)
    assert browser.jar[AT] != before.jar[AT]
    assert browser.verify() == 204
    # The answer was lost, or another tab was faster: the same successor.
    assert before.post("/refresh", members).status == 200
    assert before.jar[RT] == browser.jar[RT]


def test_refresh_with_an_expired_access_token(deploy: Deploy) -> None:
    pool = deploy()
    browser = sign_in(pool.user())
    for _ in range(2):
        pool.clock.advance(100_000)
        assert browser.verify() == 401
        assert browser.post("/refresh").status == 200
        assert browser.verify() == 204


def test_body_and_cookie(browser: Browser, user: User) -> None:
    (row,) = user.session_rows()
    for path in ("/refresh", "/logout"):
        for token in (browser.jar[RT], "x"):
            answer = browser.post(path, {"refresh_token": token})
            assert is_invalid(answer), answer
            assert cookies_of(answer) == {}
    assert user.session_rows() == [row]


def test_theft(deploy: Deploy) -> None:
    pool = deploy()
    user = pool.user()
    browser = sign_in(user)
    thief = browser.without()
    assert browser.post("/refresh").status == 200
    assert browser.post("/refresh").status == 200
    answer = thief.post("/refresh")
    assert (answer.status, answer.code) == (401, "refresh_token_reused")
    assert user.session_rows() == []
    assert browser.verify() == thief.verify() == 401


def test_renew(browser: Browser) -> None:
    before = browser.without()
    answer = browser.post("/renew")
    assert answer.status == 200, answer
    assert answer.json.keys() == {"token_type", "expires_in"}
    assert cookies_of(answer).keys() == {AT}
    assert IDLE - 60 <= ages_of(answer)[0] <= IDLE, "as long as the RT's"
    assert browser.jar[AT] != before.jar[AT]
    assert browser.jar[RT] == before.jar[RT]
    assert browser.verify() == 204
    assert browser.post("/refresh").status == 200


def test_logout(browser: Browser, user: User) -> None:
    before = browser.without()
    answer = browser.post("/logout")
    assert (answer.status, answer.body) == (204, b"")
    assert cookies_of(answer) == {AT: "", RT: ""}
    assert ages_of(answer) == [0, 0]
    assert browser.jar == {"theme": "dark"}
    assert user.session_rows() == []
    assert before.verify() == 401
    assert before.post("/refresh").code == "invalid_refresh_token"
    # Again, by a tab that does not know yet.
    answer = before.post("/logout")
    assert (answer.status, cookies_of(answer)) == (204, {AT: "", RT: ""})


def test_logout_without_the_refresh_cookie(browser: Browser, user: User
                                           ) -> None:
    answer = browser.without(RT).post("/logout")
    assert (answer.status, cookies_of(answer)) == (204, {AT: "", RT: ""})
    assert user.session_rows() == []


def test_logout_with_an_expired_access_token(deploy: Deploy) -> None:
    pool = deploy()
    user = pool.user()
    browser = sign_in(user)
    pool.clock.advance(1000)
    assert browser.verify() == 401
    alone = browser.without(RT).post("/logout")
    assert (alone.status, alone.code) == (401, "invalid_token")
    assert len(user.session_rows()) == 1, "too old to speak for itself"
    answer = browser.post("/logout")
    assert (answer.status, cookies_of(answer)) == (204, {AT: "", RT: ""})
    assert user.session_rows() == []


def test_logout_without_cookies_clears_none(pool: Pool, user: User) -> None:
    answer = pool.api.post("/logout", token=user.sign_in()["access_token"])
    assert (answer.status, cookies_of(answer)) == (204, {})


def test_sessions_end_by_cookie(browser: Browser, user: User) -> None:
    other = sign_in(user)
    sid = user.session_rows()
    assert len(sid) == 2
    claims = jwt.decode(other.jar[AT], options={"verify_signature": False})
    assert browser.call("DELETE", "/sessions/" + claims["sid"]).status == 204
    assert (browser.verify(), other.verify()) == (204, 401)
    third = sign_in(user)
    answer = browser.post("/logout-all")
    assert (answer.status, answer.json) == (200, {"ended": 2})
    assert browser.verify() == third.verify() == 401


def test_password(browser: Browser, user: User) -> None:
    other, before = sign_in(user), browser.without()
    members = {"current_password": PASSWORD,
               "new_password": "quite another phrase"}
    answer = browser.post("/password", members,
                          headers={"Origin": "https://evil.example"})
    assert (answer.status, answer.code) == (403, "csrf")
    wrong = browser.post("/password", {**members, "current_password": "x"})
    assert (wrong.status, cookies_of(wrong)) == (403, {})
    assert browser.verify() == other.verify() == 204
    answer = browser.post("/password", members)
    assert answer.status == 200, answer
    assert cookies_of(answer).keys() == {AT, RT}
    assert ages_of(answer) == [IDLE, IDLE]
    assert "access_token" not in answer.json
    assert "refresh_token" not in answer.json
    assert (browser.verify(), before.verify(), other.verify()) == (
        204, 401, 401)
    assert other.post("/refresh").status == 401
    assert browser.post("/refresh").status == 200


def test_deletion(browser: Browser, user: User) -> None:
    answer = browser.call("DELETE", "/account", {"password": PASSWORD},
                          headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status, answer.code) == (403, "csrf")
    wrong = browser.call("DELETE", "/account", {"password": "x"})
    assert (wrong.status, cookies_of(wrong)) == (403, {})
    before = browser.without()
    answer = browser.call("DELETE", "/account", {"password": PASSWORD})
    assert (answer.status, cookies_of(answer)) == (204, {AT: "", RT: ""})
    assert browser.jar == {"theme": "dark"}
    assert before.verify() == 401
    assert before.post("/refresh").status == 401


def test_deletion_without_cookies_clears_none(pool: Pool, user: User) -> None:
    answer = pool.api.call("DELETE", "/account", {"password": PASSWORD},
                           token=user.sign_in()["access_token"])
    assert (answer.status, cookies_of(answer)) == (204, {})


# ---- planted cookies --------------------------------------------------------

@pytest.fixture
def planted(pool: Pool) -> Browser:
    """Somebody else's session, whose cookies are planted."""
    return sign_in(pool.user())


def test_planted_alone(pool: Pool, planted: Browser) -> None:
    """It is as if it were not there."""
    victim = Browser(pool.api)
    for method, path in ALL:
        without = victim.call(method, path)
        with_it = victim.with_(RT=planted.jar[RT]).call(method, path)
        assert (with_it.status, with_it.code) == (
            without.status, without.code), (path, with_it)
        assert cookies_of(with_it) == {}
    unharmed(planted)


def test_planted_beside_body_tokens(pool: Pool, user: User, planted: Browser
                                    ) -> None:
    """It cannot spoil the calls of those who have no use for cookies."""
    victim = Browser(pool.api, {RT: planted.jar[RT]})
    token = user.sign_in()
    answer = victim.post("/refresh",
                         {"refresh_token": token["refresh_token"]})
    assert answer.status == 200, answer
    assert cookies_of(answer) == {}
    token = answer.json
    assert victim.post("/renew", token=token["access_token"]).status == 200
    assert victim.post("/logout", {"refresh_token": token["refresh_token"]},
                       token=token["access_token"]).status == 204
    assert user.session_rows() == []
    unharmed(planted)


def test_planted_beside_a_foreign_access_token(browser: Browser,
                                               planted: Browser) -> None:
    victim = browser.with_(RT=planted.jar[RT])
    answer = victim.post("/refresh")
    assert (answer.status, answer.code) == (401, "invalid_refresh_token")
    assert cookies_of(answer) == {}
    assert victim.go_on().headers["Location"] == PAGE
    unharmed(browser, planted)


def test_planted_old_one_is_no_theft(browser: Browser, planted: Browser
                                     ) -> None:
    old = planted.jar[RT]
    planted.post("/refresh")
    planted.post("/refresh")
    victim = browser.with_(RT=old)
    assert victim.post("/refresh").code == "invalid_refresh_token"
    unharmed(browser, planted)


def test_planted_beside_a_forged_access_token(browser: Browser) -> None:
    header, payload, _ = browser.jar[AT].split(".")
    for forged in ("x", f"{header}.{payload}.{'A' * 86}",
                   browser.jar[AT] + "A"):
        answer = browser.with_(AT=forged).post("/refresh")
        assert (answer.status, answer.code) == (401, "invalid_refresh_token")
    unharmed(browser)


def test_planted_ends_nothing(browser: Browser, user: User, planted: Browser
                              ) -> None:
    answer = browser.with_(RT=planted.jar[RT]).post("/logout")
    assert answer.status == 204
    assert user.session_rows() == []
    unharmed(planted)


def test_planted_beside_an_expired_access_token(deploy: Deploy) -> None:
    pool = deploy()
    browser, planted = sign_in(pool.user()), sign_in(pool.user())
    pool.clock.advance(1000)
    victim = browser.with_(RT=planted.jar[RT])
    assert victim.post("/refresh").code == "invalid_refresh_token"
    assert victim.go_on().headers["Location"] == SIGN_IN
    assert victim.post("/logout").status == 401
    for each in (browser, planted):
        assert each.post("/refresh").status == 200
