"""An HTTP client of Latchkey that holds every answer against the rules which
http-api.md gives for all of them, and against app/openapi.yaml."""

import base64
import http.client
import json
import re
import ssl
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote_plus, urlencode

import openapi

ID = re.compile(r"[A-Za-z0-9_-]{22}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
JSON = "application/json"
PROBLEM = "application/problem+json"
FORM = "application/x-www-form-urlencoded"

# Endpoints whose errors are in the form of RFC 6749, 5.2.
OAUTH = ("/token", "/introspect", "/revoke")

# Endpoints that take a live access token and nothing in its place.
NEEDS_BEARER = [
    ("GET", "/account"), ("GET", "/sessions"),
    ("DELETE", "/sessions/AAAAAAAAAAAAAAAAAAAAAA"), ("POST", "/renew"),
    ("POST", "/logout-all"), ("GET", "/verify"), ("GET", "/verify/admin"),
    ("GET", "/admin/keys"), ("POST", "/admin/keys/rotate"),
    ("GET", "/admin/users"), ("DELETE", "/admin/users/AAAAAAAAAAAAAAAAAAAAAA"),
    ("GET", "/admin/revocations"), ("GET", "/admin/audit"),
    ("GET", "/admin/stats"),
]


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The stable code of a problem; None where the answer is none."""
        if self.headers.get_content_type() != PROBLEM:
            return None
        return self.json["code"]

    @property
    def error(self) -> str | None:
        """The error of an OAuth endpoint; None where the answer is none."""
        return self.json["error"] if self.status >= 400 else None

    def __repr__(self) -> str:
        return f"<{self.status} {self.body[:300]!r}>"


def check_problem(answer: Answer) -> None:
    assert answer.headers.get_content_type() == PROBLEM, answer
    problem = answer.json
    assert problem["status"] == answer.status
    assert isinstance(problem["detail"], str)
    for member in ("type", "title", "code"):
        assert isinstance(problem[member], str) and problem[member], problem


def check_oauth_error(answer: Answer) -> None:
    assert answer.headers.get_content_type() == JSON, answer
    assert answer.json.keys() == {"error", "error_description"}, answer
    assert re.fullmatch(r"[a-z_]+", answer.error), answer
    # RFC 6749, 5.2: no quotation mark and no backslash among them.
    assert re.fullmatch(r"[ !#-\[\]-~]+", answer.json["error_description"])


def check_common(answer: Answer, oauth: bool = False) -> None:
    """What every answer of Latchkey's has."""
    headers = answer.headers
    assert headers["X-Content-Type-Options"] == "nosniff", headers.items()
    assert ID.fullmatch(headers["X-Request-Id"]), headers.items()
    assert len(headers.get_all("Cache-Control")) == 1
    assert headers["Cache-Control"] in ("no-store", "public, max-age=300")
    if answer.status < 400:
        return
    (check_oauth_error if oauth else check_problem)(answer)
    if answer.status in (429, 503):
        assert int(headers["Retry-After"]) >= 1
    if answer.status == 401 and answer.code == "invalid_token":
        assert headers["WWW-Authenticate"].startswith("Bearer")
    if answer.status == 401 and oauth:
        assert headers["WWW-Authenticate"] == 'Basic realm="latchkey"'


def judge(method: str, path: str, answer: Answer) -> None:
    check_common(answer, path in OAUTH)
    openapi.judge(method, path, answer)


def moment(text: str) -> datetime:
    """The time that an answer names."""
    assert TIME.fullmatch(text), text
    return datetime.fromisoformat(text.rstrip("Z")).replace(
        tzinfo=timezone.utc)


class Api:
    def __init__(self, port: int, mount: str = "/auth"):
        self.port = port
        self.mount = mount
        self.tls: ssl.SSLContext | None = None  # where it is spoken

    def raw(self, method: str, target: str, body: bytes | None = None,
            headers: dict[str, str] | None = None) -> Answer:
        """Any request to any target, and an answer by anybody."""
        where = "127.0.0.1", self.port
        connection = (
            http.client.HTTPSConnection(*where, timeout=60, context=self.tls)
            if self.tls else http.client.HTTPConnection(*where, timeout=60))
        try:
            connection.request(method, target, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def call(self, method: str, path: str, members: Any = None, *,
             body: bytes | None = None, token: str | None = None,
             content_type: str = JSON, headers: dict[str, str] | None = None
             ) -> Answer:
        """A request under the mount: members as JSON, or body as it is."""
        sent = dict(headers or {})
        if members is not None:
            body = json.dumps(members, ensure_ascii=False).encode(
                "utf-8", "surrogatepass")
        if body is not None:
            sent.setdefault("Content-Type", content_type)
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        answer = self.raw(method, self.mount + path, body, sent)
        judge(method, path, answer)
        return answer

    def get(self, path: str, token: str | None = None, **more) -> Answer:
        return self.call("GET", path, token=token, **more)

    def post(self, path: str, members: Any = None, **more) -> Answer:
        return self.call("POST", path, members, **more)

    def form(self, path: str, params: Any = (), *,
             basic: tuple[str, str] | None = None, **more) -> Answer:
        """A form, by name and value or as it is; basic: the id and the secret
        of a client, encoded as RFC 6749 has it (2.3.1)."""
        body = params if isinstance(params, bytes) else urlencode(
            params).encode()
        headers = dict(more.pop("headers", {}))
        if basic:
            pair = ":".join(map(quote_plus, basic)).encode()
            headers["Authorization"] = (
                "Basic " + base64.b64encode(pair).decode())
        return self.call("POST", path, body=body, headers=headers,
                         **{"content_type": FORM, **more})

    def ready(self) -> bool:
        try:
            answer = self.raw("GET", self.mount + "/ready")
        except (OSError, http.client.HTTPException):
            return False
        if answer.headers["X-Request-Id"] is None:
            return False  # the web server's own: nobody is behind it
        judge("GET", "/ready", answer)
        return answer.status == 200

    # The calls that tests make all the time.

    def signup(self, login: str, password: str) -> Answer:
        return self.post("/signup", {"login": login, "password": password})

    def login(self, login: str, password: str, **more) -> Answer:
        return self.post("/login",
                         {"login": login, "password": password, **more})

    def refresh(self, refresh_token: str) -> Answer:
        return self.post("/refresh", {"refresh_token": refresh_token})

    def verify(self, token: str | None) -> int:
        """The status alone: 204 or a refusal."""
        return self.get("/verify", token).status
