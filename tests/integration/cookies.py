"""A browser in cookie mode: it keeps the cookies that Latchkey sets, and every
line that sets one is held against http-api.md."""

import re
from urllib.parse import quote

from api import Answer, Api
from pool import User

AT, RT = "__Host-lk_at", "__Secure-lk_rt"
IDLE = 7 * 24 * 3600
COOKIE = re.compile(r"([\w-]+)=([\w.-]*); Path=(\S+); Max-Age=(\d+);"
                    r" HttpOnly; SameSite=Lax(; Secure)?")
OURS = {"X-Latchkey": "1"}
JSON = {"Content-Type": "application/json"}
PAGE = "/private/page.php?a=1&b=%2f"
SIGN_IN = "/auth/ui/?to=" + quote(PAGE, safe="/")


def cookies_of(answer: Answer) -> dict[str, str]:
    """The cookies that an answer sets, each line as it has to be."""
    found = {}
    for line in answer.headers.get_all("Set-Cookie") or []:
        assert len("Set-Cookie: " + line) < 4096
        match = COOKIE.fullmatch(line)
        assert match, line
        name, value, path, _, secure = match.groups()
        assert (path, secure) == {
            AT: ("/", "; Secure"), RT: ("/auth", "; Secure"),
            "lk_at": ("/", None), "lk_rt": ("/auth", None)}[name]
        assert name not in found
        found[name] = value
    return found


def ages_of(answer: Answer) -> list[int]:
    return [int(COOKIE.fullmatch(line).group(4))
            for line in answer.headers.get_all("Set-Cookie") or []]


def cookie_header(jar: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in jar.items())


class Browser:
    """It keeps the cookies that it is given, beside others of the site."""

    def __init__(self, api: Api, jar: dict[str, str] | None = None):
        self.api = api
        self.jar = {"theme": "dark"} if jar is None else dict(jar)

    def call(self, method: str, path: str, members: object = None,
             headers: dict[str, str] = OURS, **more) -> Answer:
        answer = self.api.call(
            method, path, members, headers={
                **JSON, "Cookie": cookie_header(self.jar), **headers}, **more)
        for name, value in cookies_of(answer).items():
            if value:
                self.jar[name] = value
            else:
                self.jar.pop(name, None)
        return answer

    def post(self, path: str, members: object = None, **more) -> Answer:
        return self.call("POST", path, members, **more)

    def go_on(self, to: str = PAGE) -> Answer:
        """A navigation: nothing but the cookies."""
        answer = self.api.get("/continue?to=" + quote(to, safe="/"), headers={
            "Cookie": cookie_header(self.jar)})
        self.jar.update(cookies_of(answer))
        return answer

    def verify(self) -> int:
        return self.api.get("/verify", headers={
            "Cookie": cookie_header(self.jar)}).status

    def without(self, *names: str) -> "Browser":
        return Browser(self.api, {name: value for name, value
                                  in self.jar.items() if name not in names})

    def with_(self, **jar: str) -> "Browser":
        """AT and RT name our two cookies."""
        return Browser(self.api, {**self.jar, **{
            {"AT": AT, "RT": RT}[name]: value for name, value in jar.items()}})


def sign_in(user: User, **more: object) -> Browser:
    browser = Browser(user.pool.api)
    answer = browser.post("/login", {
        "login": user.login, "password": user.password, "cookies": True,
        **more})
    assert answer.status == 200, answer
    assert cookies_of(answer).keys() == {AT, RT}
    return browser


def is_invalid(answer: Answer) -> bool:
    return (answer.status, answer.code) == (400, "invalid_request")


def unharmed(*browsers: Browser) -> None:
    for browser in browsers:
        assert browser.verify() == 204
        assert browser.post("/refresh").status == 200
