"""`latchkeyctl user import`: what goes in, what is refused, and how an import
that broke off goes on."""

import csv
import io
import json
import os
import pty
import re
import secrets
import signal
import subprocess
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mariadb import MariaDB
from pool import CTL, PASSWORD, Deploy, Pool
from waiting import until

DONE, REFUSED, USAGE, UNAVAILABLE = 0, 1, 2, 3

BATCH = 250  # rows to a transaction
OURS = "$argon2id$v=19$m=1024,t=1,p=1$"  # what pool.SETTINGS cost

# PASSWORD, hashed by crypt(3) and by libsodium.
HASHES = {
    "2a": "$2a$04$JPiREVPPRyUvQscDwRlFBOU5S1s8Xx.3WvpeBOrGQEeb6kBme3FH6",
    "2b": "$2b$04$3rQY0I1lPA5dNISR0JhR0.7rEodkLRMS/hPPMNf63o9BQ9YiZawFW",
    "2y": "$2y$04$1xLdROyNB7bYlad0iHt0cux7KJjuy4cII.Tz5WhQvClYVDeBapW66",
    "sha256": "$5$rounds=1000$T/X/cMMRcmOnZo2a"
              "$o9evDSpNuiZ1dbWIgUs5pt1CwNx8GUYkM/okeOcuqOB",
    "sha512": "$6$rounds=1000$8WAnsToqMNI9QNka"
              "$5CoBfszd821ccuRdsSgNoXZ8w.d0LncSr1JNdHGsHz5ih7Jh6IPfA7Wp6as"
              "KGL5IwyFFyW9PDFi2ddyQSLUNE/",
    "yescrypt": "$y$j75$WLwmDtO.zt9hvoKwN.lMd1"
                "$UmnOgkX5VIEHoUjeDXGTXxMe5RtxQhgMVPzd689tqW5",
    "argon2i": "$argon2i$v=19$m=2048,t=3,p=1$mK/Cx5emmbt+Mgc61jSzqA"
               "$IcLDW1gNtMJMERX5JJpTjf9fUT5sW5SIPNf9PXnfUcA",
    "argon2id": "$argon2id$v=19$m=2048,t=2,p=1$KDclr1n2JizpaBI498TK1g"
                "$cslNqxjcASkAs1mJsyVrqsJzmgIE8/jrS0baRhbHxkE",
}
BCRYPT = HASHES["2y"]


@pytest.fixture
def prefix() -> str:
    """What the logins of one test begin with."""
    return f"t{secrets.token_hex(4)}-"


def as_csv(rows: Iterable[dict]) -> str:
    """Columns are those of the first row."""
    rows = list(rows)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def as_jsonl(rows: Iterable[dict]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def many(prefix: str, n: int) -> Iterator[dict]:
    for i in range(n):
        yield {"login": f"{prefix}{i}",
               "password_hash": f"$2y$10${secrets.token_hex(27)[:53]}"}


def run(pool: Pool, path: Path, *options: str, status: int = DONE) -> dict:
    """Imports a file; the counts, beside what standard error has."""
    done = pool.ctl("--json", "user", "import", *options, str(path),
                    status=status)
    return {**json.loads(done.stdout), "stderr": done.stderr}


def counts(answer: dict) -> tuple[int, int, int]:
    return answer["imported"], answer["already_there"], answer["refused"]


def users(pool: Pool, prefix: str) -> list[dict]:
    return pool.database.sql(
        "SELECT * FROM user WHERE login LIKE %s ORDER BY login", prefix + "%")


def stored_hash(pool: Pool, login: str) -> str:
    return pool.database.one(
        "SELECT password_hash FROM user WHERE login = %s", login).decode()


def audit(pool: Pool, event: str, path: Path) -> list[str]:
    """The details of an event, of the imports of one file."""
    return [detail for row in pool.database.sql(
                "SELECT detail FROM audit WHERE event = %s ORDER BY audit_id",
                event)
            if str(path) in (detail := row["detail"].decode())]


# ---- what goes in -----------------------------------------------------------

def test_each_kind_signs_in_and_is_rehashed(
        pool: Pool, tmp_path: Path, prefix: str) -> None:
    path = tmp_path / "users"
    path.write_text(as_csv({"login": prefix + kind, "password_hash": text}
                           for kind, text in HASHES.items()))
    assert counts(run(pool, path)) == (len(HASHES), 0, 0)
    for kind, text in HASHES.items():
        login = prefix + kind
        wrong = pool.api.login(login, PASSWORD + "!")
        assert (wrong.status, wrong.code) == (401, "invalid_credentials")
        assert stored_hash(pool, login) == text
        answer = pool.api.login(login, PASSWORD)
        assert answer.status == 200, (kind, answer)
        made = stored_hash(pool, login)
        assert made.startswith(OURS), kind
        assert pool.api.login(login, PASSWORD).status == 200
        assert stored_hash(pool, login) == made, "once"
        assert pool.api.refresh(answer.json["refresh_token"]).status == 200


def test_two_first_sign_ins_at_once(pool: Pool, tmp_path: Path, prefix: str
                                    ) -> None:
    """Both have checked the foreign hash; one renews it, and both are in."""
    path = tmp_path / "users"
    path.write_text(as_csv([{"login": prefix, "password_hash": BCRYPT}]))
    run(pool, path)
    with ThreadPoolExecutor() as threads:
        with pool.point("login_checked") as point:
            logins = [threads.submit(pool.api.login, prefix, PASSWORD)
                      for _ in range(2)]
            point.reached()
        answers = [login.result() for login in logins]
    assert [answer.status for answer in answers] == [200, 200], answers
    assert stored_hash(pool, prefix).startswith(OURS)
    for answer in answers:
        assert pool.api.refresh(answer.json["refresh_token"]).status == 200


def test_session_of_before_outlives_a_rehash(
        deploy: Deploy, tmp_path: Path) -> None:
    pool = deploy(argon2_memory_kib=2048, argon2_time=2)
    path = tmp_path / "users"
    path.write_text(as_csv([
        {"login": "ann", "password_hash": HASHES["argon2id"]}]))
    run(pool, path)
    token = pool.api.login("ann", PASSWORD).json
    assert stored_hash(pool, "ann") == HASHES["argon2id"], "at our cost"
    pool.restart(argon2_memory_kib=1024, argon2_time=1)
    assert pool.api.login("ann", PASSWORD).status == 200
    assert stored_hash(pool, "ann").startswith(OURS)
    assert pool.api.refresh(token["refresh_token"]).status == 200


def check_details(pool: Pool, prefix: str) -> None:
    plain, full = users(pool, prefix)
    assert (plain["login"], full["login"]) == (
        f"{prefix}ann".encode(), f"{prefix}éva".encode())
    assert plain["status"] == "active" and full["status"] == "suspended"
    assert (plain["roles"], full["roles"]) == (b"", b"editor,author")
    assert (plain["claims"], full["claims"]) == (
        b"{}", b'{"a":{"b c":[1,"\\""]}}')
    assert (plain["session_limit"], full["session_limit"]) == (None, 7)
    assert str(full["created_at"]) == "2020-02-29 03:04:05.678000"
    shown = pool.ctl_json("user", "show", f"{prefix}ÉVA")
    assert shown["roles"] == ["editor", "author"]
    assert shown["claims"] == {"a": {"b c": [1, '"']}}
    answer = pool.api.login(f"{prefix}éva", PASSWORD)
    assert (answer.status, answer.code) == (403, "account_suspended")
    token = pool.api.login(f"{prefix}ann", PASSWORD).json["access_token"]
    assert pool.api.get("/account", token).json["roles"] == []


def test_columns_of_csv(pool: Pool, tmp_path: Path, prefix: str) -> None:
    """With a byte order mark, CR LF, empty lines, a line feed in quotes, and
    no line feed at the end."""
    path = tmp_path / "users"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([
        "claims,session_limit,login,password_hash,roles,status,created_at",
        f',,{prefix}ann,{BCRYPT},,,',
        '',
        f'"{{ ""a"":\r\n{{""b c"": [1, ""\\""""]}} }}",7,'
        f'"{prefix}E\u0301va",{BCRYPT},"editor,author",suspended,'
        '2020-02-29T03:04:05.678Z']).encode())
    assert counts(run(pool, path)) == (2, 0, 0)
    check_details(pool, prefix)


def test_members_of_json(pool: Pool, tmp_path: Path, prefix: str) -> None:
    path = tmp_path / "users"
    path.write_text("\ufeff" + json.dumps(
        {"login": f"{prefix}ann", "password_hash": BCRYPT}) + "\r\n \n\n"
        + json.dumps({
            "claims": {"a": {"b c": [1, '"']}}, "session_limit": 7,
            "login": f"{prefix}E\u0301va", "password_hash": BCRYPT,
            "roles": ["editor", "author"], "status": "suspended",
            "created_at": "2020-02-29T03:04:05.678Z"}))
    assert counts(run(pool, path)) == (2, 0, 0)
    check_details(pool, prefix)


def test_standard_input(pool: Pool, prefix: str) -> None:
    rows = [{"login": prefix + "ann", "password_hash": BCRYPT}]
    done = pool.ctl("user", "import", "-", stdin=as_csv(rows))
    assert re.search(r"^imported +1$", done.stdout, re.M), done
    done = pool.ctl("user", "import", "--format", "jsonl", "-",
                    stdin=" " + as_jsonl(rows))
    assert re.search(r"^already there +1$", done.stdout, re.M), done
    assert re.search(r"^refused +0$", done.stdout, re.M), done


def test_interrupted_while_it_waits_for_input(pool: Pool, prefix: str
                                              ) -> None:
    """A signal that comes just before the read is lost; the next is not."""
    reader, writer = os.pipe()
    with subprocess.Popen(
            [CTL, "-c", pool.config, "--json", "user", "import", "-"],
            stdin=reader, stdout=subprocess.PIPE, text=True) as process:
        os.close(reader)
        os.write(writer, as_csv(many(prefix, BATCH + 1)).encode())
        until(lambda: len(users(pool, prefix)) == BATCH, "one batch is in")

        def ended() -> bool:
            process.send_signal(signal.SIGINT)
            return process.poll() is not None

        try:
            until(ended, "it has ended")
        finally:
            process.kill()
        printed = process.stdout.read()
    os.close(writer)
    assert process.returncode == UNAVAILABLE
    assert counts(json.loads(printed)) == (BATCH, 0, 0)
    assert len(users(pool, prefix)) == BATCH


# ---- what is refused --------------------------------------------------------

# Each with the lines that it takes in the file, and what is said of it.
BAD_CSV = [
    (b"%s-1," + BCRYPT.encode() + b",x,y", "4 fields, and 3 in the header"),
    (b"%s-2", "1 fields, and 3 in the header"),
    (b"," + BCRYPT.encode() + b",", "no login"),
    (b"%s-3,,", "no password_hash"),
    (b"%s-4,secret,", "password_hash: "),
    (b"%s-5,$2y$31$" + b"a" * 53 + b",", "password_hash: the bcrypt cost"),
    (b"%s-6,$1$salt$" + b"a" * 22 + b",", "password_hash: "),
    (b"%s-7," + BCRYPT.encode() + b",Editor", "roles: "),
    (b"%s-\xc3\x28," + BCRYPT.encode() + b",", "login: "),
    (b"%s-\x07," + BCRYPT.encode() + b",", "login: "),
    (b"%s-\x00," + BCRYPT.encode() + b",", "a NUL character"),
    (b'"%s-8\nx",' + BCRYPT.encode() + b",", "login: "),
    (b'%s"-9,' + BCRYPT.encode() + b",", "a quote within"),
    (b'"%s-10"x,' + BCRYPT.encode() + b",", "text after the quote"),
    (b"%s-11\r," + BCRYPT.encode() + b",", "a carriage return"),
    (b"%s-12" + b"x" * (1 << 20) + b"," + BCRYPT.encode() + b",",
     "longer than 16 KiB"),
    (b'"' + b"\nevil,x,y" * 5000 + b'",x,y', "longer than 16 KiB"),
    (b"%s-13" + b"x" * 250 + b"," + BCRYPT.encode() + b",", "login: "),
]


def check_refused(answer: dict, path: Path, bad: list[tuple[int, str]]
                  ) -> None:
    """Each bad row by its line, and nothing of what stands in it."""
    said = {}
    for line in answer["stderr"].splitlines():
        match = re.fullmatch(rf"{path}:(\d+): (.*)", line)
        assert match, line
        said[int(match[1])] = match[2]
    assert sorted(said) == [line for line, _ in bad]
    for line, reason in bad:
        assert said[line].startswith(reason), (line, said[line])
    assert "secret" not in answer["stderr"]


def test_bad_rows_of_csv(pool: Pool, tmp_path: Path, prefix: str) -> None:
    text = b"login,password_hash,roles\n"
    bad, good = [], 0
    for row, reason in BAD_CSV:
        bad.append((text.count(b"\n") + 1, reason))
        text += row.replace(b"%s", prefix.encode()) + b"\n"
        text += f"{prefix}good{good},{BCRYPT},a\n".encode()
        good += 1
    path = tmp_path / "users"
    path.write_bytes(text)
    answer = run(pool, path, status=REFUSED)
    assert counts(answer) == (good, 0, len(bad))
    check_refused(answer, path, bad)
    assert {row["login"].decode() for row in users(pool, prefix)} == {
        f"{prefix}good{i}" for i in range(good)}
    assert not users(pool, "evil"), "what stands in quotes is no row"


def test_bad_rows_of_json(pool: Pool, tmp_path: Path, prefix: str) -> None:
    def row(**members) -> bytes:
        return json.dumps({"login": prefix + "bad", "password_hash": BCRYPT,
                           **members}).encode()

    rows = [
        (b"{", "JSON: "),
        (b"[]", "JSON: not an object"),
        (row(password="secret"), "JSON: an unknown member"),
        (row(login=None), "JSON: login: wrong type"),
        (row(login=prefix + "\0"), "JSON: a NUL character"),
        (row().replace(b"bad", b"\xed\xa0\x80"), "JSON: "),
        (row()[:-1] + b',"login":"x"}', "JSON: a duplicate member"),
        (row(roles="editor"), "JSON: roles: wrong type"),
        (row(roles=["a,b"]), "roles: "),
        (row(claims=[]), "JSON: claims: wrong type"),
        (row(claims={"a": "x" * 1100}), "claims: they take more than 1024 bytes"),
        (row(session_limit=0), "session_limit: "),
        (row(session_limit=1001), "session_limit: "),
        (row(status="locked"), "status: "),
        (row(created_at="yesterday"), "created_at: "),
        (row(login="x" * (1 << 20)), "longer than 16 KiB"),
        (b"x" * (1 << 20), "longer than 16 KiB"),
    ]
    good = json.dumps({"login": prefix + "good",
                       "password_hash": BCRYPT}).encode()
    path = tmp_path / "users"
    path.write_bytes(b"\n".join([good, *(row for row, _ in rows), good]))
    answer = run(pool, path, status=REFUSED)
    assert counts(answer) == (1, 1, len(rows))
    check_refused(answer, path, [(line, reason) for line, (_, reason)
                                 in enumerate(rows, start=2)])
    assert len(users(pool, prefix)) == 1


def test_a_quote_that_nothing_closes(pool: Pool, tmp_path: Path, prefix: str
                                     ) -> None:
    path = tmp_path / "users"
    path.write_text(f"login,password_hash\n{prefix}1,{BCRYPT}\n"
                    f'"{prefix}2,{BCRYPT}\n{prefix}3,{BCRYPT}\n')
    answer = run(pool, path, status=REFUSED)
    assert counts(answer) == (1, 0, 1)
    check_refused(answer, path, [(3, "a quote that nothing closes")])


@pytest.mark.parametrize("text, says", [
    (b"", "no header"),
    (b"login\nann\n", "login and password_hash"),
    (b"login,password\nann,secret\n", "field 2"),
    (b"ann," + BCRYPT.encode(), "field 1"),
    (b"login,password_hash,login\n", "login twice"),
    (b'[{"login":"ann"}]', "a quote within a field"),
    ("login,password_hash\n".encode("utf-16"), "a NUL character"),
    (b"\xef\xbb", "neither CSV nor JSON"),
    (b"\rlogin,password_hash\n", "a carriage return"),
])
def test_no_such_file_of_users(pool: Pool, tmp_path: Path, text: bytes,
                               says: str) -> None:
    path = tmp_path / "users"
    path.write_bytes(text)
    done = pool.ctl("user", "import", str(path), status=REFUSED)
    assert says in done.stderr and str(path) in done.stderr
    assert "secret" not in done.stderr and not done.stdout
    assert not audit(pool, "users_import_begun", path), "nothing was done"


def test_files_that_cannot_be_read(pool: Pool, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing-here"):
        done = pool.ctl("user", "import", str(path), status=REFUSED)
        assert str(path) in done.stderr


@pytest.mark.parametrize("argv", [
    [], ["a", "b"], ["--format"], ["--format", "xml", "a"], ["--nonsense",
                                                              "a"]])
def test_usage(pool: Pool, argv: list[str]) -> None:
    done = pool.ctl("user", "import", *argv, status=USAGE)
    assert "--help" in done.stderr


def test_login_of_another(pool: Pool, tmp_path: Path, prefix: str) -> None:
    """Who is there stays as they are, and the row is refused."""
    assert pool.api.signup(prefix + "a", PASSWORD).status == 201
    path = tmp_path / "users"
    path.write_text(as_csv([
        {"login": prefix + "A", "password_hash": BCRYPT, "roles": "admin"},
        {"login": prefix + "b", "password_hash": BCRYPT, "roles": ""},
        {"login": prefix + "b", "password_hash": BCRYPT, "roles": "x"},
        {"login": prefix + "b", "password_hash": HASHES["2a"], "roles": ""},
    ]))
    before = users(pool, prefix)
    answer = run(pool, path, status=REFUSED)
    assert counts(answer) == (1, 1, 2)
    check_refused(answer, path, [(2, "login: taken"), (5, "login: taken")])
    after = users(pool, prefix)
    assert after[:1] == before
    assert (after[1]["password_hash"], after[1]["roles"]) == (
        BCRYPT.encode(), b"")


# ---- again, and after it broke off ------------------------------------------

def test_again_changes_nothing(pool: Pool, tmp_path: Path, prefix: str
                               ) -> None:
    """Not even where a hash has been renewed and roles were given since."""
    path = tmp_path / "users"
    path.write_text(as_jsonl(
        {"login": prefix + kind, "password_hash": text}
        for kind, text in HASHES.items()))
    run(pool, path)
    assert pool.api.login(prefix + "2y", PASSWORD).status == 200
    pool.ctl("user", "roles", prefix + "2y", "editor")
    before = users(pool, prefix)
    assert counts(run(pool, path)) == (0, len(HASHES), 0)
    assert users(pool, prefix) == before


def start(pool: Pool, path: Path, log: Path) -> subprocess.Popen:
    with log.open("wb") as out:
        return subprocess.Popen(
            [CTL, "-c", pool.config, "--json", "user", "import", path],
            stdout=out, stderr=subprocess.DEVNULL,
            env={**os.environ, **pool.env})


def test_killed_and_begun_again(pool: Pool, tmp_path: Path, prefix: str
                                ) -> None:
    n = 20_000
    path, log = tmp_path / "users", tmp_path / "log"
    path.write_text(as_csv(many(prefix, n)))
    with pool.point("import_committed") as point:
        process = start(pool, path, log)
        point.reached()
        process.kill()
        process.wait()
        point.reached_path.unlink()
    assert len(users(pool, prefix)) == BATCH
    assert counts(run(pool, path)) == (n - BATCH, BATCH, 0)
    assert [row["login"].decode() for row in users(pool, prefix)] == sorted(
        f"{prefix}{i}" for i in range(n))
    assert audit(pool, "users_import_begun", path) == [str(path)] * 2
    assert audit(pool, "users_imported", path) == [
        f"imported={n - BATCH} already_there={BATCH} refused=0 file={path}"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_and_begun_again(pool: Pool, tmp_path: Path, prefix: str,
                                     number: int) -> None:
    """It ends after the batch, and says how far it got."""
    n = 2 * BATCH + 1
    path, log = tmp_path / "users", tmp_path / "log"
    path.write_text(as_jsonl(many(prefix, n)))
    with pool.point("import_committed") as point:
        process = start(pool, path, log)
        point.reached()
        process.send_signal(number)
    assert process.wait(60) == UNAVAILABLE
    assert counts(json.loads(log.read_text())) == (BATCH, 0, 0)
    assert len(users(pool, prefix)) == BATCH
    assert audit(pool, "users_imported", path) == [
        f"imported={BATCH} already_there=0 refused=0 file={path}"]
    assert counts(run(pool, path)) == (n - BATCH, BATCH, 0)


def test_database_lost_and_begun_again(
        deploy: Deploy, own_server: MariaDB, tmp_path: Path, prefix: str
        ) -> None:
    pool = deploy(server=own_server, start=False)
    path, log = tmp_path / "users", tmp_path / "log"
    path.write_text(as_csv(many(prefix, 3 * BATCH)))
    with pool.point("import_committed") as point:
        process = start(pool, path, log)
        point.reached()
        own_server.stop()
    assert process.wait(60) == UNAVAILABLE
    assert counts(json.loads(log.read_text())) == (BATCH, 0, 0)
    pool.ctl("user", "import", str(path), status=UNAVAILABLE)
    own_server.start()
    assert counts(run(pool, path)) == (2 * BATCH, BATCH, 0)


def test_two_at_once(pool: Pool, tmp_path: Path, prefix: str) -> None:
    """Each user goes in once, whoever of the two is first."""
    n = 5 * BATCH
    path = tmp_path / "users"
    path.write_text(as_csv(many(prefix, n)))
    with ThreadPoolExecutor() as threads:
        answers = list(threads.map(lambda _: run(pool, path), range(2)))
    assert sum(answer["imported"] for answer in answers) == n
    assert sum(answer["already_there"] for answer in answers) == n
    assert len(users(pool, prefix)) == n


# ---- what is told -----------------------------------------------------------

def test_dry_run(pool: Pool, tmp_path: Path, prefix: str) -> None:
    path = tmp_path / "users"
    path.write_text(as_csv(many(prefix, 2)) + "x\n")
    answer = run(pool, path, "--dry-run", status=REFUSED)
    assert answer["dry_run"] is True and counts(answer) == (2, 0, 1)
    assert not users(pool, prefix)
    assert not audit(pool, "users_import_begun", path)
    assert counts(run(pool, path, status=REFUSED)) == (2, 0, 1)
    assert counts(run(pool, path, "--dry-run", status=REFUSED)) == (0, 2, 1)


def read_all(terminal: int) -> str:
    text = b""
    try:
        while piece := os.read(terminal, 4096):
            text += piece
    except OSError:  # the other side is closed
        pass
    return text.decode()


@pytest.mark.parametrize("options, bar", [([], True), (["--quiet"], False)])
def test_progress_on_a_terminal(pool: Pool, tmp_path: Path, prefix: str,
                                options: list[str], bar: bool) -> None:
    path = tmp_path / "users"
    path.write_text(as_csv(many(prefix, BATCH + 1)) + "x\n")
    terminal, side = pty.openpty()
    done = subprocess.run(
        [CTL, "-c", pool.config, "user", "import", *options, path],
        stdout=subprocess.PIPE, stderr=side, timeout=120)
    os.close(side)
    shown = read_all(terminal)
    os.close(terminal)
    assert done.returncode == REFUSED
    assert ("100 %" in shown and f"{BATCH + 2} rows" in shown) == bar, shown
    assert f"{path}:{BATCH + 3}: 1 fields" in shown
    assert shown.endswith("\r\x1b[K") == bar, "the bar is taken away"
    assert b"imported" in done.stdout
