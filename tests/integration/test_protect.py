"""Folders that the web server protects, in each of the three by the configs of
deploy/: who gets the page, as whom, and that nobody else does."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

import fcgi
from api import Answer
from daemon import halted
from endings import ENDINGS, Ending, by_password_change, by_suspension
from php import PHP
from pool import Deploy, User
from waiting import until
from webserver import Apache, Lighttpd, Nginx, WebServer

STATIC = b"<p>for members"
# A page that tells all that it is told, and a file that is none.
PAGE = b"""<?php
header('Content-Type: application/json');
echo json_encode(['params' => $_SERVER,
                  'body' => file_get_contents('php://input')]);
"""
TEXT = b"<?php echo 'exec', 'uted';"
AT = "__Host-lk_at"
RT = "__Secure-lk_rt"
BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
BROWSER_PARAMS = {"HTTP_ACCEPT": BROWSER["Accept"]}

Headers = list[tuple[str, str]]


def bearer(token: str) -> Headers:
    return [("Authorization", f"Bearer {token}")]


def cookie(token: str) -> Headers:
    return [("Cookie", f"theme=dark; {AT}={token}; {RT}=x")]


class Site:
    """A pool, a web server with protected folders, and what is in them."""

    def __init__(self, deploy: Deploy, web: type[WebServer],
                 php_socket: Path, **config):
        self.pool = deploy(web, start=False, socket_mode="0666")
        self.web = self.pool.web
        if web is Apache:
            self.pool.write_config(verify_listen=self.web.verify_listen())
            self.web.verify_socket = self.pool.socket
        self.web.php_socket = php_socket
        self.web.configure(protect=True, **config)
        for folder in ("private", "editors", "public"):
            path = self.web.docroot / folder
            path.mkdir()
            (path / "index.html").write_bytes(STATIC)
            (path / "page.html").write_bytes(STATIC)
            (path / "page.php").write_bytes(STATIC)
            (path / "page.txt").write_bytes(TEXT)
            (path / "hello.php").write_bytes(PAGE)
        self.pool.start()

    def ask(self, method: str, target: str, headers: Headers = [],
            body: bytes | None = None) -> Answer:
        """A request with any headers, doubled ones among them."""
        connection = http.client.HTTPConnection("127.0.0.1", self.web.port,
                                                timeout=60)
        return exchange(connection, method, target, headers, body)

    def status(self, target: str, headers: Headers = []) -> int:
        return self.ask("GET", target, headers).status

    def identity(self, headers: Headers = [], folder: str = "private",
                 **more) -> dict[str, str]:
        """What a PHP page in the folder is told."""
        answer = self.ask("GET", f"/{folder}/hello.php", headers, **more)
        assert answer.status == 200, answer
        return answer.json["params"]

    def refused(self, headers: Headers) -> bool:
        """Whether no folder opens, neither to pages nor to files."""
        statuses = {self.status(f"/{folder}/{name}", headers)
                    for folder in ("private", "editors")
                    for name in ("page.html", "hello.php", "")}
        assert statuses in ({200}, {401}), statuses
        return statuses == {401}


def exchange(connection: http.client.HTTPConnection, method: str, target: str,
             headers: Headers, body: bytes | None) -> Answer:
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


@pytest.fixture(scope="module")
def php(tmp_path_factory: pytest.TempPathFactory, sockets: Path
        ) -> Iterator[PHP]:
    """One for all web servers."""
    php = PHP(tmp_path_factory.mktemp("php"), sockets)
    php.start()
    yield php
    php.stop()


@pytest.fixture(scope="module", params=[Lighttpd, Nginx, Apache],
                ids=lambda web: web.__name__.lower())
def site(deploy_module: Deploy, php: PHP, request: pytest.FixtureRequest
         ) -> Site:
    return Site(deploy_module, request.param, php.credulous)


@pytest.fixture(scope="module")
def editor(site: Site) -> User:
    return site.pool.user("editor", "writer")


# ---- who gets in ------------------------------------------------------------

def test_without_a_token(site: Site) -> None:
    for target in ("/private/page.html", "/private/hello.php?x=1", "/private/",
                   "/editors/page.html", "/editors/hello.php"):
        for method in ("GET", "POST", "HEAD"):
            answer = site.ask(method, target,
                              body=b"x=1" if method == "POST" else None)
            assert answer.status == 401, (method, target, answer)
            assert answer.headers.get_all("WWW-Authenticate") == ["Bearer"]
            assert STATIC not in answer.body
    assert site.ask("GET", "/public/page.html").body == STATIC


def test_bad_token(site: Site, editor: User) -> None:
    token = editor.sign_in()["access_token"]
    for headers in (bearer(token + "x"), bearer(token[:-2]), bearer("x"),
                    [("Authorization", "Bearer")], cookie(token + "x"),
                    bearer(token) + cookie(token),
                    bearer(token) + bearer(token),
                    bearer("x") + bearer(token),
                    cookie(token) + cookie(token),
                    cookie("x") + cookie(token),
                    [("Cookie", f"{AT}={token}; {AT}={token}")]):
        for target in ("/private/page.html", "/editors/hello.php"):
            # nginx itself refuses two Authorization headers.
            answer = site.ask("GET", target, headers)
            assert answer.status in (400, 401), (headers, answer)
            if answer.status == 401:
                (challenge,) = answer.headers.get_all("WWW-Authenticate")
                assert 'error="invalid_token"' in challenge
    assert site.status(f"/private/page.html?access_token={token}") == 401


@pytest.mark.parametrize("carry", [bearer, cookie])
def test_good_token(site: Site, editor: User, carry) -> None:
    token = editor.sign_in()
    headers = carry(token["access_token"])
    for folder in ("private", "editors"):
        for name in ("page.html", "", "index.html"):
            answer = site.ask("GET", f"/{folder}/{name}", headers)
            assert (answer.status, answer.body) == (200, STATIC), answer
            assert "no-cache" in answer.headers["Cache-Control"]
            for name in answer.headers:
                assert not name.lower().startswith(("variable-", "x-auth-"))
        params = site.identity(headers, folder)
        assert params["AUTH_USER"] == editor.user_id
        assert params["REMOTE_USER"] == editor.user_id
        assert params["AUTH_ROLES"] == "editor,writer"
        assert params["AUTH_SESSION"] == token["session_id"]
        assert params["AUTH_EXPIRES"].endswith("Z")


def test_role(site: Site) -> None:
    reader = site.pool.user("reader", "editors")
    headers = bearer(reader.sign_in()["access_token"])
    assert site.identity(headers)["AUTH_USER"] == reader.user_id
    for target in ("/editors/page.html", "/editors/hello.php", "/editors/"):
        answer = site.ask("GET", target, headers + [*BROWSER.items()])
        assert answer.status == 403, answer
        assert STATIC not in answer.body


def test_browser_is_sent_to_continue(site: Site, editor: User) -> None:
    """And back to the very page, query and all."""
    navigation = [*BROWSER.items()]
    for page in ("/private/page.html", "/private/hello.php?a=1&b=%26+c",
                 "/editors/a%20b%3F.html?x=%2F#".rstrip("#"), "/private/"):
        for headers in ([], cookie("x")):
            answer = site.ask("GET", page, navigation + headers)
            assert answer.status == 303, answer
            location = answer.headers["Location"]
            assert location.startswith("/auth/continue?to=/"), location
            # With no live session it goes on to the sign-in page, with the
            # page's address unharmed.
            onward = site.ask("GET", location)
            assert onward.status == 303
            back = onward.headers["Location"]
            assert back.startswith("/auth/ui/?to="), back
            assert back.partition("?")[2] == location.partition("?")[2]
        tokens = cookies_of(site, editor)
        answer = site.ask("GET", location, tokens)
        assert answer.headers["Location"] == page, answer
    # Neither a form nor a program is.
    assert site.ask("POST", page, navigation, b"x=1").status == 401
    assert site.status(page, navigation + bearer("x")) == 401
    assert site.status(page, [("Accept", "application/json")]) == 401


def cookies_of(site: Site, user: User) -> Headers:
    answer = site.pool.api.post(
        "/login", {"login": user.login, "password": user.password,
                   "cookies": True}, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status == 200, answer
    return [("Cookie", "; ".join(
        line.partition(";")[0]
        for line in answer.headers.get_all("Set-Cookie")))]


def test_cookie_mode(site: Site, editor: User) -> None:
    headers = cookies_of(site, editor)
    assert site.identity(headers)["AUTH_USER"] == editor.user_id
    answer = site.pool.api.post(
        "/logout", {}, headers={"Sec-Fetch-Site": "same-origin",
                                **dict(headers)})
    assert answer.status == 204, answer
    assert site.refused(headers)


@pytest.mark.parametrize("end", [
    end for end in ENDINGS if end not in (by_suspension, by_password_change)])
def test_ended_session(site: Site, end: Ending) -> None:
    """The very next request is refused."""
    user = site.pool.user("editor")
    token = user.sign_in()
    ways = [bearer(token["access_token"]), cookie(token["access_token"])]
    assert not any(map(site.refused, ways))
    end(site.pool, user, token)
    assert all(map(site.refused, ways))


def test_changed_roles(site: Site) -> None:
    user = site.pool.user("editor")
    headers = bearer(user.sign_in()["access_token"])
    assert site.status("/editors/page.html", headers) == 200
    site.pool.ctl("user", "roles", user.login, "reader")
    until(lambda: site.status("/editors/page.html", headers) == 401,
          "the token made from the old roles is refused")


# ---- who does not -----------------------------------------------------------

FORGED = [(name, "forged") for name in (
    "X-Auth-User", "X_Auth_User", "X_Auth-User", "X-Auth_User", "x-auth-user",
    "X-Auth-Roles", "X_Auth_Roles", "X-Auth-Session", "X-Auth-Expires",
    "AUTH_USER", "Auth-User", "AUTH_ROLES", "Auth-Roles", "Remote-User",
    "REMOTE_USER", "Variable-AUTH_USER", "Variable-AUTH-USER",
    "Variable-REMOTE_USER", "Variable-Remote-User", "HTTP_AUTH_USER",
    "LATCHKEY_REQUIRE_ROLE", "Latchkey-Require-Role", "LATCHKEY_REFUSED",
    "Proxy")]
BASIC = [("Authorization", "Basic Zm9yZ2VkOmZvcmdlZA==")]  # forged:forged


def named(params: dict[str, str]) -> dict[str, str]:
    """What a page could take for an identity, without what only a page that
    reads the client's headers under strange names would."""
    names = ("AUTH_USER", "AUTH_ROLES", "AUTH_SESSION", "AUTH_EXPIRES",
             "REMOTE_USER", "HTTP_X_AUTH_USER", "HTTP_X_AUTH_ROLES",
             "HTTP_X_AUTH_SESSION", "HTTP_X_AUTH_EXPIRES", "HTTP_AUTH_USER",
             "HTTP_AUTH_ROLES", "HTTP_REMOTE_USER", "HTTP_PROXY",
             "LATCHKEY_REFUSED")
    return {name: params[name] for name in names if params.get(name)}


def test_forged_identity(site: Site, editor: User) -> None:
    token = editor.sign_in()["access_token"]
    for header in FORGED:
        for headers in ([header], [header, header]):
            assert site.refused(headers), header
            for carry in (bearer, cookie):
                for order in (headers + carry(token), carry(token) + headers):
                    params = site.identity(order)
                    assert "forged" not in named(params).values(), header
                    assert params["AUTH_USER"] == editor.user_id
                    assert params["REMOTE_USER"] == editor.user_id
    assert site.refused(FORGED)
    assert site.refused(FORGED + BASIC)
    assert named(site.identity(FORGED + bearer(token))) == named(
        site.identity(bearer(token)))


def test_basic_beside_a_cookie(site: Site, editor: User) -> None:
    """Another scheme names nobody: nginx's own fastcgi_params would have made
    a REMOTE_USER of it."""
    token = editor.sign_in()["access_token"]
    params = site.identity(BASIC + cookie(token))
    assert params["AUTH_USER"] == params["REMOTE_USER"] == editor.user_id


def test_client_cannot_choose_the_role(site: Site) -> None:
    headers = bearer(site.pool.user("reader").sign_in()["access_token"])
    for role in ("*", "reader", ""):
        for name in ("LATCHKEY_REQUIRE_ROLE", "Latchkey-Require-Role"):
            assert site.status("/editors/page.html",
                               headers + [(name, role)]) == 403
    for target in ("/editors/page.html?LATCHKEY_REQUIRE_ROLE=*",
                   "/editors/page.html?/auth/verify",
                   "/editors/hello.php/auth/verify",
                   "/editors/hello.php?/private/page.html"):
        assert site.status(target, headers) in (403, 404), target


@pytest.mark.parametrize("start", [
    "/private/", "//private/", "/./private/", "/private//", "/private/./",
    "/public/../private/", "/public/%2e%2e/private/", "/public/..%2fprivate/",
    "/public/..%2Fprivate/", "/public%2f..%2fprivate/", "/%70rivate/",
    "/private%2f", "/%2fprivate/", "/private/%2e/", "/private/../private/",
    "/auth/verify/../../private/", "/auth/verify/%2e%2e/%2e%2e/private/",
    "/auth/verify/..%2f..%2fprivate/", "/auth/../private/",
    "/auth/ui/../../private/", "/auth/%2e%2e/private/",
    "/latchkey-check/user/../../private/", "/private/;/",
    "/private/..;/private/",
    "/PRIVATE/", "/private/%00/", "/private%00/", "/private/%5c../",
    "/public/..%5cprivate/", "/public/..\\private/", "http://x/private/",
    "/.well-known/oauth-authorization-server/auth/../../../private/"])
def test_path_tricks(site: Site, start: str) -> None:
    for name in ("page.html", "hello.php", "", "hello.php/x", "page.html/",
                 "hello.php/../page.html", "page.html?/auth/health",
                 "hello.php%2fx.html", "hello.php%00.html"):
        answer = raw(site, start + name)
        assert STATIC not in answer, (name, answer)
        assert b'"params"' not in answer, (name, answer)
        status = int(answer.split()[1])
        assert status in (301, 302, 400, 401, 403, 404), (name, answer)


def raw(site: Site, target: str, more: str = "") -> bytes:
    """A request line as it is written."""
    with socket.create_connection(("127.0.0.1", site.web.port), 60) as client:
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n"
                       f"Connection: close\r\n{more}\r\n".encode())
        with client.makefile("rb") as reader:
            return reader.read()


def test_path_tricks_of_the_wrong_role(site: Site) -> None:
    headers = bearer(site.pool.user("reader").sign_in()["access_token"])
    more = "".join(f"{name}: {value}\r\n" for name, value in headers)
    for start in ("/private/../editors/", "/private/..%2feditors/",
                  "/private/%2e%2e/editors/", "//editors/", "/./editors/",
                  "/auth/verify/../../editors/", "/private/%2e%2e%2feditors/",
                  "/%65ditors/", "/private//../editors/"):
        for name in ("page.html", "hello.php", ""):
            answer = raw(site, start + name, more)
            assert STATIC not in answer and b'"params"' not in answer, answer
            assert int(answer.split()[1]) in (400, 401, 403, 404), answer


def test_the_check_is_no_page(site: Site, editor: User) -> None:
    headers = bearer(editor.sign_in()["access_token"])
    for target in ("/latchkey-check/user", "/latchkey-check/role/editor",
                   "/latchkey-check/"):
        assert site.status(target, headers) == 404


# ---- what the page gets, and when Latchkey is away --------------------------

@pytest.mark.parametrize("size", [0, 3, 100_000])
def test_body_reaches_the_page(site: Site, editor: User, size: int) -> None:
    token = editor.sign_in()["access_token"]
    body = (b"0123456789" * (size // 10 + 1))[:size]
    for carry in (bearer, cookie):
        answer = site.ask("POST", "/private/hello.php?q=1", carry(token) + [
            ("Content-Type", "text/plain")], body)
        assert answer.status == 200, answer
        assert answer.json["body"].encode() == body
        params = answer.json["params"]
        assert params["REQUEST_METHOD"] == "POST"
        assert params["CONTENT_TYPE"] == "text/plain"
        assert params["CONTENT_LENGTH"] == str(size)
        assert params["QUERY_STRING"] == "q=1"
        assert params["AUTH_USER"] == editor.user_id
        assert params["SCRIPT_FILENAME"].endswith(
            str(site.web.docroot / "private/hello.php"))
    refused = site.ask("POST", "/private/hello.php", [], body)
    assert refused.status == 401
    # A question that names no user has no body to read.
    assert site.pool.api.ready()


def path_info(site: Site, user: User) -> None:
    """Below a page's own address: Apache's pages, nobody's else."""
    token = user.sign_in()["access_token"]
    answer = site.ask("GET", "/private/hello.php/more/path?x", bearer(token))
    if not isinstance(site.web, Apache):
        assert answer.status in (403, 404), answer
        return
    params = answer.json["params"]
    assert params["PATH_INFO"] == "/more/path"
    assert params["SCRIPT_NAME"] == "/private/hello.php"
    assert params["AUTH_USER"] == user.user_id


def test_path_info(site: Site, editor: User) -> None:
    path_info(site, editor)


@pytest.mark.parametrize("web", [Lighttpd, Nginx, Apache])
def test_php_that_guesses_nothing(deploy: Deploy, web: type[WebServer],
                                  php: PHP) -> None:
    """It minds how lighttpd calls the script behind an authorizer, and goes by
    PATH_TRANSLATED where there is one."""
    site = Site(deploy, web, php.strict)
    editor, reader = site.pool.user("editor"), site.pool.user("reader")
    headers = bearer(editor.sign_in()["access_token"])
    for folder in ("private", "editors"):
        assert site.identity(headers, folder)["AUTH_USER"] == editor.user_id
        page = site.ask("GET", f"/{folder}/page.php", headers)
        assert (page.status, page.body) == (200, STATIC)
    path_info(site, editor)
    headers = bearer(reader.sign_in()["access_token"])
    assert site.status("/public/hello.php") == 200
    assert site.status("/private/hello.php", headers) == 200
    for name in ("page.php", "page.html"):
        for start, who in (("/public/hello.php/private/", []),
                           ("/public/hello.php%2fprivate/", []),
                           ("/public/hello.php/editors/", headers),
                           ("/private/hello.php/editors/", headers)):
            answer = site.ask("GET", start + name, who)
            assert STATIC not in answer.body, (start, answer)


def test_text_is_no_page(site: Site, editor: User) -> None:
    headers = bearer(editor.sign_in()["access_token"])
    for folder in ("private", "editors"):
        answer = site.ask("GET", f"/{folder}/page.txt", headers)
        assert (answer.status, answer.body) == (200, TEXT)


@pytest.mark.parametrize("trick", [
    "page.txt/x.php", "page.txt/.php", "page.txt%2fx.php",
    "page.txt%00.php", "page.txt%20.php", "page.txt;.php", "page.txt;/x.php",
    "page.txt?.php", "page.txt?/x.php", "page.txt%3f.php", "page.txt%23.php",
    "page.txt//x.php", "page.txt/../page.txt/x.php", "page.txt\\x.php",
    "hello.php/../page.txt", "hello.php/../page.txt/x.php",
    "hello.php%2f..%2fpage.txt%2fx.php", "%70age.txt/x.php"])
def test_only_php_is_executed(site: Site, editor: User, trick: str) -> None:
    """Path info makes no page of another file, and opens nothing."""
    token = editor.sign_in()["access_token"]
    for folder in ("private", "editors"):
        signed_in = raw(site, f"/{folder}/{trick}",
                        f"Authorization: Bearer {token}\r\n")
        assert b"executed" not in signed_in, signed_in
        assert int(signed_in.split()[1]) in (200, 400, 403, 404), signed_in
        answer = raw(site, f"/{folder}/{trick}")
        assert b"exec" not in answer, answer
        assert int(answer.split()[1]) in (400, 401, 403, 404), answer


def test_unprotected_page_names_nobody(site: Site, editor: User) -> None:
    """A good token on a page that nobody checked is no identity."""
    headers = FORGED + bearer(editor.sign_in()["access_token"])
    assert named(site.identity(headers, "public")) == {}


@pytest.mark.parametrize("web", [Lighttpd, Nginx, Apache])
def test_lost_role(deploy: Deploy, web: type[WebServer], php: PHP) -> None:
    """A setting that got lost opens no door."""
    site = Site(deploy, web, php.credulous, lost=True)
    token = site.pool.user("editor").sign_in()["access_token"]
    for target in ("/private/page.html", "/private/hello.php",
                   "/editors/page.html", "/editors/hello.php", "/editors/"):
        for headers in (bearer(token), cookie(token),
                        cookie(token) + [*BROWSER.items()], []):
            assert site.status(target, headers) == 403


@pytest.mark.parametrize("web", [Lighttpd, Nginx, Apache])
def test_service_away(deploy: Deploy, web: type[WebServer], php: PHP) -> None:
    """No page without leave, and pages again when it is back."""
    site = Site(deploy, web, php.credulous)
    token = site.pool.user("editor").sign_in()["access_token"]
    ways = [bearer(token), cookie(token), []]
    targets = ["/private/page.html", "/editors/hello.php", "/private/"]
    assert site.pool.daemon.stop() == 0
    for headers in ways:
        for target in targets:
            answer = site.ask("GET", target, headers)
            assert answer.status >= 500, answer
            assert STATIC not in answer.body
    site.pool.daemon.spawn()
    until(site.pool.serves, "the pool is back")
    until(lambda: site.status(targets[0], bearer(token)) == 200, "the page")


@pytest.mark.parametrize("web", [Lighttpd, Nginx, Apache])
def test_php_away(deploy: Deploy, web: type[WebServer], tmp_path: Path
                  ) -> None:
    """A page is never shown instead of being executed."""
    site = Site(deploy, web, tmp_path / "php.sock")
    headers = bearer(site.pool.user().sign_in()["access_token"])
    answer = site.ask("GET", "/private/hello.php", headers)
    assert answer.status >= 500, answer
    assert b"php" not in answer.body
    assert site.status("/private/hello.php") == 401
    assert site.status("/private/page.html", headers) == 200


@pytest.mark.parametrize("web", [Lighttpd, Nginx, Apache])
def test_stale_index(deploy: Deploy, web: type[WebServer], php: PHP) -> None:
    """Latchkey cannot say: 5xx, never the page."""
    site = Site(deploy, web, php.credulous)
    token = site.pool.user("editor").sign_in()["access_token"]
    site.pool.reload(max_staleness=1)
    assert site.status("/private/page.html", bearer(token)) == 200
    with halted(site.pool.housekeeper()):
        until(lambda: site.status("/private/page.html", bearer(token)) >= 500,
              "nobody can say")
        assert site.status("/editors/hello.php", cookie(token)) >= 500


# ---- the FastCGI role itself ------------------------------------------------

def authorize(site: Site, target: str = "/private/", **params: str
              ) -> Answer:
    return fcgi.authorize(site.pool.socket, target, **params)


def test_authorizer(site: Site, editor: User) -> None:
    token = editor.sign_in()
    good = {"HTTP_AUTHORIZATION": f"Bearer {token['access_token']}"}
    for method in ("GET", "POST", "HEAD", "BREW"):
        for role in ("*", "editor", "writer"):
            answer = authorize(site, method=method, **good,
                               LATCHKEY_REQUIRE_ROLE=role)
            assert answer.status == 200, answer
            # Apache hands all others to the client.
            assert {name for name in answer.headers} == {
                "Status", "Content-Length", "Variable-REMOTE_USER",
                "Variable-AUTH_USER", "Variable-AUTH_SESSION",
                "Variable-AUTH_ROLES", "Variable-AUTH_EXPIRES"}
            assert answer.headers["Variable-AUTH_USER"] == editor.user_id
            assert answer.headers["Variable-REMOTE_USER"] == editor.user_id
    for role in ("edit", "editors", "Editor", "editor,writer", "editor ",
                 "**", " *", "admin"):
        answer = authorize(site, **good, LATCHKEY_REQUIRE_ROLE=role)
        assert answer.status == 403, role
    # The path and the method that /verify would have are no way past it.
    answer = authorize(site, "/auth/verify", LATCHKEY_REQUIRE_ROLE="*")
    assert answer.status == 401


def test_authorizer_without_a_role(site: Site, editor: User) -> None:
    token = editor.sign_in()["access_token"]
    good = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    for more in ({}, {"LATCHKEY_REQUIRE_ROLE": ""},
                 {"HTTP_LATCHKEY_REQUIRE_ROLE": "*"}):
        told = site.pool.log().count("LATCHKEY_REQUIRE_ROLE")
        for headers in (good, {}, {"HTTP_ACCEPT": "text/html"}):
            assert authorize(site, **headers, **more).status == 403
        assert site.pool.log().count("LATCHKEY_REQUIRE_ROLE") > told
    with fcgi.Connection(site.pool.socket) as connection:
        params = fcgi.pairs(fcgi.variables("GET", "/private/", **good))
        for role in ("*", "editor"):
            params += fcgi.pairs({"LATCHKEY_REQUIRE_ROLE": role})
        connection.send(fcgi.begin(fcgi.AUTHORIZER)
                        + fcgi.record(fcgi.PARAMS, params)
                        + fcgi.record(fcgi.PARAMS))
        assert connection.answer().status == 403


def test_refusal_for_nginx_is_never_a_yes(site: Site, editor: User) -> None:
    token = editor.sign_in()["access_token"]
    for headers in ({}, {"HTTP_AUTHORIZATION": f"Bearer {token}"},
                    {"HTTP_COOKIE": f"{AT}={token}"}):
        for target in ("/private/", "/auth/verify", "/auth/health"):
            answer = fcgi.call(site.pool.socket, "GET", target, **headers,
                               LATCHKEY_REFUSED="1",
                               LATCHKEY_REQUIRE_ROLE="*")
            assert answer.status == 401, answer
    answer = fcgi.call(site.pool.socket, "GET", "/private/?x", **BROWSER_PARAMS,
                       HTTP_COOKIE=f"{AT}={token}", LATCHKEY_REFUSED="1")
    assert answer.status == 303
    assert answer.headers["Location"] == "/auth/continue?to=/private/%3Fx"


# ---- TLS --------------------------------------------------------------------

@pytest.mark.parametrize("web", [Lighttpd, Nginx, Apache])
def test_tls(deploy: Deploy, web: type[WebServer], php: PHP,
             certificate: tuple[Path, Path]) -> None:
    site = Site(deploy, web, php.credulous)
    user = site.pool.user("editor")
    token = user.sign_in()["access_token"]
    site.web.configure(protect=True, tls=certificate)
    site.web.restart()
    context = ssl.create_default_context(cafile=str(certificate[0]))

    def ask(target: str, headers: Headers) -> Answer:
        return exchange(http.client.HTTPSConnection(
            "127.0.0.1", site.web.port, timeout=60, context=context),
            "GET", target, headers, None)

    answer = ask("/private/hello.php", cookie(token))
    assert answer.json["params"]["AUTH_USER"] == user.user_id
    assert answer.json["params"]["HTTPS"] == "on"
    assert answer.headers["Strict-Transport-Security"]
    assert ask("/editors/page.html", []).status == 401
    assert ask("/auth/verify", bearer(token)).status == 204
    pages = ask("/auth/ui/", [])
    assert pages.headers.get_all("Strict-Transport-Security") == [
        answer.headers["Strict-Transport-Security"]]
    assert len(pages.headers.get_all("Content-Security-Policy")) == 1
    sent_on = ask("/private/?x=1&y=2", [*BROWSER.items()])
    assert sent_on.headers["Location"] == (
        "/auth/continue?to=/private/%3Fx%3D1%26y%3D2")
