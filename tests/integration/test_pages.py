"""Latchkey's own pages at MOUNT/ui/, from each web server by deploy/."""

import pytest

from api import Answer, Api
from pool import Deploy
from webserver import TOP, Apache, Lighttpd, Nginx

TYPES = {".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
HEADERS = {
    "Content-Security-Policy":
        "default-src 'none'; script-src 'self'; style-src 'self';"
        " img-src 'self'; connect-src 'self'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'; trusted-types 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
SECRET = b"not for the public"


@pytest.fixture(scope="module", params=[
    (web, mount) for web in (Lighttpd, Nginx, Apache)
    for mount in ("/auth", "/a/deeper/mount", "")],
    ids=lambda param: f"{param[0].__name__.lower()}:{param[1]}")
def api(deploy_module: Deploy, request: pytest.FixtureRequest) -> Api:
    web, mount = request.param
    # Apache runs as another user when the tests are root's.
    pool = deploy_module(web, start=False, mount=mount, socket_mode="0666")
    pool.web.configure(protect=True)
    pool.web.pages.with_name("secret.txt").write_bytes(SECRET)
    pool.start()
    return pool.api


def ours(answer: Answer) -> bool:
    """Whether the service has answered, not the web server."""
    return "X-Request-Id" in answer.headers


def ask(api: Api, path: str) -> Answer:
    return api.raw("GET", api.mount + path)


def test_files(api: Api) -> None:
    names = {file.name: file for file in (TOP / "app/web").iterdir()}
    for name in ("", *names):
        answer = ask(api, "/ui/" + name)
        file = names[name or "index.html"]
        assert (answer.status, answer.body) == (200, file.read_bytes()), name
        assert answer.headers["Content-Type"] == TYPES[file.suffix]
        for header, value in HEADERS.items():
            assert answer.headers.get_all(header) == [value], (name, header)
        assert "Strict-Transport-Security" not in answer.headers, "plain HTTP"


def test_folder_without_its_slash(api: Api) -> None:
    answer = ask(api, "/ui")
    assert answer.status == 301
    assert answer.headers["Location"] in (
        f"{api.mount}/ui/", f"http://127.0.0.1:{api.port}{api.mount}/ui/")


def test_what_is_not_there(api: Api) -> None:
    answer = ask(api, "/ui/login")
    assert answer.status == 404
    assert not ours(answer), "the folder is the web server's"
    assert answer.headers["Content-Security-Policy"]


def test_all_else_is_the_service(api: Api) -> None:
    for path in ("/uix", "/ui.html", "/x/ui/", "/UI/"):
        answer = ask(api, path)
        assert answer.status == 404 and ours(answer), path
    assert api.ready()
    answer = api.post("/login", {"login": "nobody", "password": "wrong"})
    assert answer.code == "invalid_credentials"


@pytest.mark.parametrize("path", [
    "/ui/../secret.txt", "/ui../secret.txt", "/ui/%2e%2e/secret.txt",
    "/ui/..%2fsecret.txt", "/ui%2f..%2fsecret.txt", "/ui/..%5csecret.txt",
    "/ui//../secret.txt", "/ui/./../secret.txt", "/ui/x/../../secret.txt",
    "/ui/..;/secret.txt"])
def test_nothing_beside_them(api: Api, path: str) -> None:
    answer = ask(api, path)
    assert SECRET not in answer.body, answer
    assert answer.status in (400, 403, 404), answer
