"""The sign-in page and latchkey.js in headless Chromium, with real cookies,
tabs and locks."""

import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from daemon import free_port
from pool import PASSWORD, Deploy, Pool, User
from waiting import until
from webserver import TOP, Lighttpd

SWITCHES = ["--headless", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--disable-dev-shm-usage",
            # What is blocked by a proxy of the machine is not what is tested.
            "--no-proxy-server"]

PRIVATE = "<!DOCTYPE html><title>Private</title><h1>Private</h1>"

# A site's page: latchkey.js and nothing else; #tokens for bearer tokens.
SITE = """<!DOCTYPE html><title>Site</title><link rel="icon" href="data:,">
<script type="module">
import { Latchkey } from "/auth/ui/latchkey.js";
window.heard = [];
window.latchkey = new Latchkey({ tokens: location.hash === "#tokens" });
for (const event of ["signin", "tokens", "signout"])
    latchkey.addEventListener(event, () => heard.push(event));
</script>
"""


class Site(Lighttpd):
    """With the pages, and with /private/ for those who are signed in."""

    def config(self, *variant: Any) -> str:
        (self.docroot / "private").mkdir()
        (self.docroot / "private/index.html").write_text(PRIVATE)
        (self.docroot / "site.html").write_text(SITE)
        return super().config(*variant) + f"""
var.latchkey_pages = "{TOP}/app/web"
include "{TOP}/deploy/lighttpd/pages.conf"
var.latchkey_docroot = "{self.docroot}"
var.latchkey_php_socket = "{self.php_socket}"
include "{TOP}/deploy/lighttpd/protect.conf"
"""


class Browser:
    """A Chromium with a profile of its own."""

    def __init__(self, profile: Path, *switches: str):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for switch in (*SWITCHES, f"--user-data-dir={profile}", *switches):
            options.add_argument(switch)
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(
            service=Service("/usr/bin/chromedriver"),
            options=options)
        self.driver.set_script_timeout(60)
        self.said: list[str] = []

    def open(self, url: str) -> None:
        self.driver.get(url)
        if "/site.html" in url:
            until(lambda: self.driver.execute_script(
                "return typeof latchkey !== 'undefined'"), "its module runs")

    def tab(self, url: str) -> str:
        """Opens another tab, which becomes the current one."""
        self.driver.switch_to.new_window("tab")
        self.open(url)
        return self.driver.current_window_handle

    def switch(self, tab: str) -> None:
        self.driver.switch_to.window(tab)

    def find(self, css: str):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def shows(self, css: str) -> bool:
        return self.driver.execute_script(
            "const found = document.querySelector(arguments[0]);"
            "return found !== null && found.checkVisibility()", css)

    def await_shown(self, css: str) -> None:
        until(lambda: self.shows(css), f"{css} is shown")

    def await_path(self, path: str) -> None:
        until(lambda: self.driver.execute_script(
            "return location.pathname + location.search") == path,
            f"the browser is at {path}")

    def message(self) -> str:
        return until(lambda: self.shows("#message")
                     and self.find("#message").text, "a message")

    def invalid(self) -> str:
        """The field that is marked, and has the focus."""
        focus = self.driver.switch_to.active_element
        (marked,) = self.driver.find_elements(By.CSS_SELECTOR,
                                              "[aria-invalid=true]")
        assert marked == focus
        return marked.get_attribute("id")

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of an async function's body."""
        value = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "(async (...given) => {" + script + "})(...arguments)"
            ".then((value) => done({ value }),"
            "(error) => done({ error: `${error.name} ${error.code ?? ''}` }));",
            *arguments)
        assert "error" not in value, value["error"]
        return value.get("value")

    def fill(self, login: str, password: str) -> None:
        self.await_shown("#form")
        for css, text in (("#login", login), ("#password", password)):
            field = self.find(css)
            field.clear()
            field.send_keys(text)
        self.find("#password").send_keys(Keys.ENTER)

    def console(self) -> list[str]:
        self.said += [line["message"] for line
                      in self.driver.get_log("browser")]
        return self.said

    def check_policy(self) -> None:
        """No page wanted what its Content-Security-Policy forbids."""
        for line in self.console():
            assert "Content Security Policy" not in line, line
            assert "Content-Security-Policy" not in line, line
            assert "Uncaught" not in line, line


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    made = Browser(tmp_path / "profile")
    yield made
    try:
        made.check_policy()
    finally:
        made.driver.quit()


@pytest.fixture(scope="module")
def pool(deploy_module: Deploy) -> Pool:
    return deploy_module(Site, insecure_cookies=True)


@pytest.fixture(scope="module")
def site(pool: Pool) -> str:
    return pool.issuer


def test_headers_of_the_pages(pool: Pool) -> None:
    for name, kind in (("", "text/html"), ("latchkey.js", "text/javascript"),
                       ("ui.js", "text/javascript"), ("style.css", "text/css"),
                       ("icon.svg", "image/svg+xml")):
        answer = pool.api.raw("GET", f"/auth/ui/{name}")
        assert answer.status == 200, name
        assert answer.headers.get_content_type() == kind
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    for path in ("/auth/ui/../../Makefile.am", "/auth/ui/..%2f..%2fMakefile.am",
                 "/auth/ui/nothing"):
        assert pool.api.raw("GET", path).status == 404
    answer = pool.api.raw("GET", "/auth/ui")
    assert (answer.status, answer.headers["Location"]) == (301, "/auth/ui/")


def test_from_private_page_to_sign_up_and_back(pool: Pool, site: str,
                                               browser: Browser) -> None:
    browser.open(f"{site}/private/?a=1&b=%20")
    browser.await_path("/auth/ui/?to=/private/%3Fa%3D1%26b%3D%2520")
    browser.await_shown("#switch")
    assert browser.driver.title == "Sign in"
    browser.find("#switch").click()
    until(lambda: browser.driver.title == "Create an account", "the form")
    password = browser.find("#password")
    assert password.get_attribute("autocomplete") == "new-password"
    browser.fill("newcomer", PASSWORD)
    browser.await_path("/private/?a=1&b=%20")
    assert browser.find("h1").text == "Private"
    assert pool.api.login("newcomer", PASSWORD).status == 200


def test_what_goes_wrong_is_told(pool: Pool, site: str, browser: Browser
                                 ) -> None:
    user = pool.user()
    browser.open(f"{site}/auth/ui/")
    browser.fill(user.login, "wrong")
    assert browser.message() == "Login or password is wrong."
    assert browser.invalid() == "password"

    pool.suspend(user)
    browser.fill(user.login, PASSWORD)
    until(lambda: "suspended" in browser.message(), "the account is suspended")

    browser.find("#switch").click()
    until(lambda: browser.driver.title == "Create an account", "the form")
    browser.fill(user.login, PASSWORD)
    until(lambda: "taken" in browser.message(), "the login is taken")
    assert browser.invalid() == "login"
    browser.fill("brief", "short")
    until(lambda: "is too short" in browser.message(), "weak password")


def test_by_keyboard_alone(pool: Pool, site: str, browser: Browser) -> None:
    user = pool.user()
    browser.open(f"{site}/auth/ui/")
    browser.await_shown("#form")
    for keys in (user.login, Keys.TAB, PASSWORD, Keys.TAB, Keys.TAB,
                 Keys.ENTER):
        browser.driver.switch_to.active_element.send_keys(keys)
    browser.await_shown("#sign-out")
    assert browser.find("#who").text == user.login
    assert browser.driver.execute_script(
        "return document.activeElement.id") == "title"


def test_sign_in_leads_to_no_other_site(pool: Pool, site: str,
                                        browser: Browser) -> None:
    user = pool.user()
    page = f"{site}/auth/ui/"
    browser.open(f"{page}?to=//evil.test/")
    browser.fill(user.login, PASSWORD)
    browser.await_shown("#signed-in")
    assert not browser.shows("#onward")
    for to in ("/\\evil.test/", "%5c%5cevil.test", "https://evil.test/",
               "javascript:0", "", "/a&to=/b", "/\u00e9", "/a%20b", "/a%3Cb"):
        browser.open(f"{page}?to={to}")
        browser.await_shown("#signed-in")
        assert not browser.shows("#onward"), to
    for to, href in (("/private/", "/private/"), ("/", "/"),
                     ("/a+b%3Fc%3D%2541", "/a+b?c=%41")):
        browser.open(f"{page}?to={to}")
        browser.await_shown("#onward")
        assert browser.find("#onward").get_attribute("href") == site + href


def test_sign_up_is_hidden_where_it_is_disabled(deploy: Deploy,
                                                browser: Browser) -> None:
    pool = deploy(Site, insecure_cookies=True, signup=False)
    browser.open(f"{pool.issuer}/auth/ui/")
    browser.await_shown("#switch")
    browser.find("#switch").click()
    assert "administrator" in browser.message()
    assert not browser.shows("#switch")
    assert browser.driver.title == "Sign in"


def test_signing_out_ends_every_tab(pool: Pool, site: str, browser: Browser
                                    ) -> None:
    user = pool.user()
    browser.open(f"{site}/auth/ui/")
    browser.fill(user.login, PASSWORD)
    browser.await_shown("#sign-out")
    first = browser.driver.current_window_handle
    page = browser.tab(f"{site}/site.html")
    browser.tab(f"{site}/private/")
    assert browser.find("h1").text == "Private"

    browser.switch(first)
    browser.find("#sign-out").click()
    browser.await_shown("#form")
    assert user.session_rows() == []
    browser.switch(page)
    until(lambda: browser.run("return heard") == ["signout"], "the other hears")
    assert browser.run(
        "return (await latchkey.fetch('/private/')).status") == 401
    browser.tab(f"{site}/private/")
    browser.await_path("/auth/ui/?to=/private/")


SIGN_IN = "await latchkey.signIn({login: given[0], password: given[1]})"


def signed_in_tabs(browser: Browser, site: str, user: User, n: int,
                   mode: str = "") -> list[str]:
    """So many tabs of the site, of which the first has signed in."""
    page = f"{site}/site.html{mode}"
    browser.open(page)
    browser.run(SIGN_IN, user.login, user.password)
    first = browser.driver.current_window_handle
    return [first, *(browser.tab(page) for _ in range(n - 1))]


def in_each(browser: Browser, tabs: list[str], script: str) -> list[Any]:
    found = []
    for tab in tabs:
        browser.switch(tab)
        found.append(browser.run(script))
    return found


# Waits for a signal to all tabs, so that they start in the same moment.
START_TOGETHER = """
window.result = new Promise((resolve) => {
    const channel = new BroadcastChannel("start");
    channel.onmessage = async () => resolve(
        (await latchkey.fetch("/auth/account")).status);
});
"""


@pytest.mark.parametrize("mode", ["", "#tokens"])
def test_ten_tabs_refresh_at_once(deploy: Deploy, browser: Browser,
                                  mode: str) -> None:
    # Cookies are one for all tabs.  Tokens go from tab to tab by messages, and
    # for one that comes late there is the grace window.
    grace = {} if mode else {"refresh_grace": 0}
    pool = deploy(Site, insecure_cookies=True, workers=4, **grace)
    user = pool.user()
    tabs = signed_in_tabs(browser, pool.issuer, user, 10, mode)
    generation = 1
    for _ in range(2):
        # The tabs do not know that it has ended: their clock has not moved.
        pool.clock.advance(400)
        in_each(browser, tabs, START_TOGETHER)
        browser.run("new BroadcastChannel('start').postMessage('now')")
        answers = in_each(browser, tabs[:-1], "return window.result")
        assert answers == [200] * 9
        # One refreshed for all; where its message came late, one more did.
        (row,) = user.session_rows()
        assert generation < row["generation"] <= generation + 2
        generation = row["generation"]
        browser.switch(tabs[-1])


def test_ten_tabs_outlive_many_access_tokens(deploy: Deploy, browser: Browser
                                             ) -> None:
    pool = deploy(Site, insecure_cookies=True, access_token_lifetime=2,
                  leeway=0, workers=4)
    user = pool.user()
    tabs = signed_in_tabs(browser, pool.issuer, user, 10)
    in_each(browser, tabs, """
        window.bad = [];
        (async () => {
            for (;;) {
                const answer = await latchkey.fetch("/auth/account");
                if (!answer.ok)
                    bad.push(answer.status);
                await new Promise((go) => setTimeout(go, 100));
            }
        })().catch((error) => bad.push(String(error)));
    """)
    until(lambda: [row["generation"] >= 4 for row in user.session_rows()]
          == [True], "three refreshes and one session")
    assert in_each(browser, tabs, "return bad") == [[]] * 10
    browser.open(f"{pool.issuer}/private/")
    assert browser.find("h1").text == "Private"


def test_browsing_outlives_the_access_token(deploy: Deploy, browser: Browser
                                            ) -> None:
    """Pages without a script go by /continue."""
    pool = deploy(Site, insecure_cookies=True)
    user = pool.user()
    browser.open(f"{pool.issuer}/auth/ui/?to=/private/")
    browser.fill(user.login, PASSWORD)
    browser.await_path("/private/")
    for generation in (2, 3):
        pool.clock.advance(400)
        browser.open(f"{pool.issuer}/private/?{generation}")
        browser.await_path(f"/private/?{generation}")
        assert browser.find("h1").text == "Private"
        assert user.session_rows()[0]["generation"] == generation


def test_service_away_signs_nobody_out(deploy: Deploy, browser: Browser
                                       ) -> None:
    pool = deploy(Site, insecure_cookies=True)
    user = pool.user()
    signed_in_tabs(browser, pool.issuer, user, 1)
    browser.open(f"{pool.issuer}/auth/ui/")
    browser.await_shown("#sign-out")
    assert pool.daemon.stop() == 0
    browser.find("#sign-out").click()
    assert "not available" in browser.message()
    browser.open(f"{pool.issuer}/site.html")
    with pytest.raises(AssertionError, match="LatchkeyError"):
        browser.run("await latchkey.refresh()")
    assert browser.run("return [latchkey.session.user_id, heard]") == [
        user.user_id, []]
    pool.restart()
    pool.clock.advance(400)
    assert browser.run(
        "return (await latchkey.fetch('/auth/account')).status") == 200
    assert browser.run("return heard") == ["tokens"]


def test_session_that_ended_elsewhere(pool: Pool, site: str, browser: Browser
                                      ) -> None:
    user = pool.user()
    signed_in_tabs(browser, site, user, 1)
    assert browser.run("return latchkey.session.user_id") == user.user_id
    assert pool.api.post("/logout-all",
                         token=user.sign_in()["access_token"]).status == 200
    assert browser.run(
        "return (await latchkey.fetch('/auth/account')).status") == 401
    assert browser.run("return [latchkey.session, heard]") == [
        None, ["signin", "signout"]]


def test_body_is_sent_again_after_a_refresh(deploy: Deploy, browser: Browser
                                            ) -> None:
    pool = deploy(Site, insecure_cookies=True)
    user = pool.user()
    signed_in_tabs(browser, pool.issuer, user, 1)
    pool.clock.advance(400)
    assert browser.run("""
        const answer = await latchkey.fetch("/auth/logout-all", {
            method: "POST", body: "{}",
            headers: {"Content-Type": "application/json"},
        });
        return answer.json();
    """) == {"ended": 1}


def test_tokens_go_to_no_other_origin(pool: Pool, site: str, browser: Browser,
                                      elsewhere: "Elsewhere") -> None:
    signed_in_tabs(browser, site, pool.user(), 1, "#tokens")
    # With a header of ours the browser would ask first, and be refused.
    assert browser.run("return (await latchkey.fetch(given[0])).type",
                       f"{elsewhere.url('127.0.0.1')}/open") == "cors"
    assert elsewhere.asked == [("/open", None)]
    assert browser.run(
        "return (await latchkey.fetch('/private/')).status") == 200
    browser.run("await latchkey.signOut()")
    assert browser.run("return localStorage.length") == 0


# ---- other sites -----------------------------------------------------------


class Elsewhere:
    """Another origin, which serves one page and lets anybody read /open."""

    def __init__(self) -> None:
        self.page = b"<!DOCTYPE html><title>Elsewhere</title>"
        self.asked: list[tuple[str, str | None]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(
                    (self.path, self.headers["Authorization"]))
                self.send_response(200)
                if self.path == "/open":
                    self.send_header("Access-Control-Allow-Origin", "*")
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(outer.page)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", free_port()), Handler)
        threading.Thread(target=self.server.serve_forever).start()

    def url(self, host: str) -> str:
        return f"http://{host}:{self.server.server_port}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    made = Elsewhere()
    yield made
    made.stop()


# Of another port (the same site to a browser, so it sends the cookies along)
# and of another host.
HOSTS = pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])


FORM = """<!DOCTYPE html><title>Elsewhere</title>
<form method="post" enctype="{encoding}" action="{action}">
<input name='{{"a":"' value='"}}'><button>Win</button></form>
"""

ENCODINGS = ("text/plain", "application/x-www-form-urlencoded",
             "multipart/form-data")


@HOSTS
def test_form_of_another_origin(pool: Pool, site: str, browser: Browser,
                                elsewhere: Elsewhere, host: str) -> None:
    user = pool.user()
    signed_in_tabs(browser, site, user, 1)
    before = user.session_rows()
    for path in ("/logout", "/logout-all", "/refresh", "/login"):
        for encoding in ENCODINGS:
            elsewhere.page = FORM.format(
                action=f"{site}/auth{path}", encoding=encoding).encode()
            browser.open(elsewhere.url(host))
            browser.find("button").click()
            browser.await_path(f"/auth{path}")
            code = json.loads(browser.find("body").text)["code"]
            if host == "127.0.0.1" and path != "/login":
                assert code == "csrf", "though the cookies came along"
            else:
                assert code in ("csrf", "invalid_token",
                                "unsupported_media_type")
    assert user.session_rows() == before


@HOSTS
def test_script_of_another_origin(pool: Pool, site: str, browser: Browser,
                                  elsewhere: Elsewhere, host: str) -> None:
    user = pool.user()
    intruder = pool.user()
    signed_in_tabs(browser, site, user, 1)
    before = user.session_rows()
    browser.open(elsewhere.url(host))
    attempts = """
        const outcomes = [];
        for (const path of ["/logout", "/logout-all", "/refresh", "/login"])
            for (const [mode, headers] of [
                ["cors", {"Content-Type": "application/json"}],
                ["cors", {"Content-Type": "application/json",
                          "X-Latchkey": "1"}],
                ["cors", {"Content-Type": "text/plain"}],
                ["no-cors", {"Content-Type": "text/plain"}]])
                outcomes.push(await fetch(given[0] + path, {
                    method: "POST", mode, headers, credentials: "include",
                    body: path === "/login" ? given[1] : "{}",
                }).then((answer) => answer.type, (error) => error.name));
        return outcomes;
    """
    outcomes = browser.run(attempts, f"{site}/auth", json.dumps(
        {"login": intruder.login, "password": PASSWORD, "cookies": True}))
    assert outcomes == (["TypeError"] * 3 + ["opaque"]) * 4
    assert user.session_rows() == before
    assert intruder.session_rows() == [], "nobody was signed in as another"
    browser.open(f"{site}/site.html")
    assert browser.run(
        "return (await (await latchkey.fetch('/auth/account')).json()).login"
    ) == user.login


def test_planted_cookie_of_a_subdomain(deploy: Deploy, tmp_path: Path,
                                       elsewhere: Elsewhere) -> None:
    """With the real names: what is under .localhost may set Secure cookies."""
    pool = deploy(Site)
    user, intruder = pool.user(), pool.user()
    browser = Browser(tmp_path / "profile",
                      "--host-resolver-rules=MAP *.localhost 127.0.0.1")
    try:
        site = f"http://site.localhost:{pool.web.port}"
        planted = intruder.sign_in()
        browser.open(elsewhere.url("evil.site.localhost"))
        for name, value, path in (
                ("__Host-lk_at", planted["access_token"], "/"),
                ("__Secure-lk_rt", planted["refresh_token"], "/auth")):
            browser.run("document.cookie = given[0]", f"{name}={value};"
                        f" Domain=site.localhost; Secure; Path={path}")
        browser.open(f"{site}/private/")
        browser.await_path("/auth/ui/?to=/private/")
        browser.open(f"{site}/site.html")
        assert browser.run("return latchkey.refresh()") is False
        assert [row["generation"] for row in intruder.session_rows()] == [1]
        browser.run(SIGN_IN, user.login, PASSWORD)
        assert [row["generation"] for row in intruder.session_rows()] == [1]
    finally:
        browser.driver.quit()
