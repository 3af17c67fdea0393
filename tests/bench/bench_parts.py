"""The parts of a benchmark: MariaDB, pools, empty programs, web servers and
load generators, each private; what each takes of the processor and of memory;
and what machine they are on."""

import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from bench_results import Run
from daemon import Daemon, children
from mariadb import Database, MariaDB, make_template
from pool import BUILD, Pool
from waiting import until
from webserver import TOP, Lighttpd, WebServer

HERE = Path(__file__).resolve().parent
PROGRAMS = BUILD / "tests/bench"
TICK = os.sysconf("SC_CLK_TCK")
MOUNT = "/auth"

# What the product has by itself, where the tests' pool has other settings.
PRODUCT = {
    "argon2_memory_kib": 19456,
    "argon2_time": 2,
    "workers": 8,
    "verify_workers": 2,
    "log_level": "info",
}

# The share of the machine that others may take before a measurement and in it.
QUIET = 0.05
DISTURBED = 0.15


STARTED = time.monotonic()


def say(text: str) -> None:
    print(f"{time.monotonic() - STARTED:6.1f} s  {text}", file=sys.stderr,
          flush=True)


# ---- processes ---------------------------------------------------------------

def tree(pid: int) -> list[int]:
    return [pid] + [one for child in children(pid) for one in tree(child)]


def cpu_seconds(pid: int) -> float:
    """Of a process and all that it has forked, ended or not."""
    ticks = 0
    for one in tree(pid):
        with suppress(OSError):
            stat = Path(f"/proc/{one}/stat").read_text()
            ticks += sum(map(int, stat.rpartition(")")[2].split()[11:15]))
    return ticks / TICK


def machine_seconds() -> tuple[float, float]:
    """What all processors together have worked, and idled."""
    line = Path("/proc/stat").read_text().splitlines()[0]
    user, nice, system, idle, wait, irq, softirq, steal = map(
        int, line.split()[1:9])
    return ((user + nice + system + irq + softirq + steal) / TICK,
            (idle + wait) / TICK)


def busy_share(seconds: float) -> float:
    before = machine_seconds()
    time.sleep(seconds)
    worked, idled = (after - b for after, b in zip(machine_seconds(), before))
    return worked / max(worked + idled, 1 / TICK)


def pss(pid: int) -> int:
    """Bytes of memory of a process and all that it has forked; what they
    share, shared out."""
    total = 0
    for one in tree(pid):
        with suppress(OSError):
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
            total += 1024 * int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
    return total


class EmptyProgram(Daemon):
    """The least that a libfcgi program can be, in so many processes."""

    def __init__(self, place: Path, socket: Path, workers: int,
                 answer: Path | None = None):
        super().__init__([PROGRAMS / "empty-fcgi", socket, workers]
                         + ([answer] if answer else []),
                         place / f"{socket.name}.log")
        self.socket = socket


# ---- what a run takes --------------------------------------------------------

class Watch:
    """The processor time of parts, by their processes, between two moments."""

    def __init__(self, parts: Mapping[str, int]):
        self.parts = parts

    def now(self) -> dict[str, float]:
        worked, idled = machine_seconds()
        return {"at": time.monotonic(), "worked": worked, "idle": idled,
                **{part: cpu_seconds(pid)
                   for part, pid in self.parts.items()}}

    def start(self) -> None:
        self.began = self.now()

    def stop(self) -> None:
        self.took = {name: value - self.began[name]
                     for name, value in self.now().items()}

        ours = sum(self.took[part] for part in self.parts)
        self.took["rest"] = self.took["worked"] - ours

    def rest(self) -> float:
        """The share of the machine that others took."""
        whole = self.took["worked"] + self.took["idle"]
        return self.took["rest"] / max(whole, 1 / TICK)

    def per_request(self, rate: float) -> dict[str, float]:
        """Microseconds; the rate is that of the time watched."""
        requests = max(self.took["at"] * rate, 1)
        return {part: self.took[part] / requests * 1e6
                for part in [*self.parts, "rest", "idle"]}


def program(name: str, *arguments: Any) -> list[str]:
    return [str(PROGRAMS / name), *map(str, arguments)]


@contextmanager
def child(argv: Sequence[str]) -> Iterator[subprocess.Popen]:
    """A program that runs no longer than the block."""
    process = subprocess.Popen(argv, text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def output(process: subprocess.Popen) -> str:
    out, errors = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{process.args} ended with"
                           f" {process.returncode}: {errors}")
    return out


def drive(argv: Sequence[str], parts: Mapping[str, int], warm_up: float,
          seconds: float) -> Run:
    """Runs a generator and watches the parts in the middle of its time."""
    with child(argv) as process:
        watch = Watch({**parts, "generator": process.pid})
        time.sleep(warm_up + seconds * 0.1)
        watch.start()
        time.sleep(seconds * 0.8)
        watch.stop()
        found = json.loads(output(process))
    requests = next(found[name] for name in ("requests", "swaps", "hashes")
                    if name in found)
    return Run(found["rate"], requests, found["seconds"],
               watch.per_request(found["rate"]), watch.rest(),
               found.get("errors", {}), found.get("reconnects", 0),
               found.get("latency_us", {}))


# ---- servers -----------------------------------------------------------------

def fill(database: Database, file: str, n: int) -> None:
    """So many rows, by a file that is written for the command-line client."""
    subprocess.run(
        ["mariadb", "--no-defaults", f"--socket={database.server.socket}",
         "--user=root", database.name], check=True, text=True,
        input=f"SET @n = {n};\n{(HERE / file).read_text()}")
    # All of it is written now, so that it falls into no measurement.
    database.sql("FLUSH TABLES user, session, revocation FOR EXPORT")


class Bench:
    """The servers of one benchmark.  All that it starts, it stops."""

    def __init__(self, place: Path, sockets: Path):
        self.place = place
        self.sockets = sockets
        self.stack = ExitStack()
        self.notes: list[str] = []
        self.busy: list[str] = []
        self.repeated = 0
        self.template = make_template(self.place)

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *exception) -> None:
        self.stack.__exit__(*exception)

    def folder(self, name: str) -> Path:
        path = self.place / name
        path.mkdir()
        return path

    def mariadb(self, name: str, buffer_pool: str, log_file: str) -> MariaDB:
        """Durable as MariaDB is by itself; the sizes are the only change."""
        sockets = self.sockets / name
        sockets.mkdir()
        server = MariaDB(self.template, self.folder(name), sockets)
        server.daemon.argv += [f"--innodb-buffer-pool-size={buffer_pool}",
                               f"--innodb-log-file-size={log_file}"]
        server.start()
        self.stack.callback(server.stop)
        return server

    def pool(self, name: str, server: MariaDB, **settings) -> Pool:
        """With schema and keys, behind a lighttpd; not started yet."""
        pool = Pool(self.folder(name), self.sockets, server.create_database(),
                    {**PRODUCT, **settings}, Lighttpd)
        pool.set_up()
        return pool

    def start(self, pool: Pool) -> None:
        """It stands still after that, but in `awake`."""
        self.stack.callback(pool.stop)
        pool.start()
        self.stack.callback(signal_all, pool, signal.SIGCONT)
        signal_all(pool, signal.SIGSTOP)

    def empty(self, name: str, workers: int, answer: Path | None = None
              ) -> EmptyProgram:
        program = EmptyProgram(self.place, self.sockets / name, workers,
                               answer)
        self.stack.callback(program.stop)
        program.start(program.socket.exists)
        return program

    def web(self, kind: type[WebServer], name: str, socket: Path,
            verify_socket: Path, **config) -> WebServer:
        """One more web server before the sockets.  It goes by a name of its
        own, since its folders are named after the socket."""
        alias = self.sockets / f"{name}.sock"
        alias.symlink_to(socket)
        server = kind(self.folder(name), alias, verify_socket, MOUNT)
        server.configure(**config)
        self.stack.callback(server.stop)
        server.start()
        return server

    def undisturbed(self, run: Callable[[], Run], tries: int) -> Run:
        """Again, if others took part of the machine meanwhile."""
        for _ in range(tries - 1):
            found = run()
            if found.rest < DISTURBED:
                return found
            say(f"once more: others took {found.rest:.0%} of the machine")
            self.repeated += 1
        return run()

    def all_notes(self) -> list[str]:
        notes = list(self.notes)
        if self.busy:
            notes.append("part of the machine was at work already before "
                         + "; ".join(self.busy))
        if self.repeated:
            notes.append(f"{self.repeated} runs were done again, since others"
                         f" took {DISTURBED:.0%} of the machine or more")
        return notes

    def await_quiet(self, what: str, seconds: float) -> None:
        """Until neither a server of ours nor anybody else is at work."""
        deadline = time.monotonic() + seconds
        while (share := busy_share(0.25)) > QUIET:
            if time.monotonic() > deadline:
                say(f"{share:.0%} of the machine are at work before {what}")
                self.busy.append(f"{what} ({share:.0%})")
                return


def signal_all(pool: Pool, number: int) -> None:
    for pid in tree(pool.daemon.process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


running: set[Pool] = set()


@contextmanager
def awake(pool: Pool | None) -> Iterator[None]:
    """Meanwhile this pool runs; all others stand still, so that none takes
    from what is measured.  Within another block for the same pool: nothing."""
    if pool is None or pool in running:
        yield
        return
    signal_all(pool, signal.SIGCONT)
    running.add(pool)
    try:
        until(pool.serves, "the pool is ready again")
        yield
    finally:
        running.remove(pool)
        signal_all(pool, signal.SIGSTOP)


# ---- the machine -------------------------------------------------------------

def said(*argv: str | Path, cwd: Path | None = None) -> str:
    """The first line that a program prints; empty if there is none."""
    with suppress(OSError):
        done = subprocess.run(argv, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, cwd=cwd)
        if done.returncode == 0 and done.stdout:
            return done.stdout.splitlines()[0].strip()
    return ""


def make_variable(name: str) -> str:
    found = re.search(rf"^{name} = (.*)$", (BUILD / "Makefile").read_text(),
                      re.M)
    return found[1].strip() if found else ""


def of_proc(file: str, name: str) -> str:
    found = re.search(rf"^{name}\s*:\s*(.*)$", Path(file).read_text(), re.M)
    return found[1] if found else "?"


def machine(place: Path) -> dict[str, str]:
    memory = int(of_proc("/proc/meminfo", "MemTotal").split()[0])
    disk = said("stat", "--file-system", "--format=%T", place)
    return {
        "processor": of_proc("/proc/cpuinfo", "model name"),
        "processors": str(os.cpu_count()),
        "memory": f"{memory / 2 ** 20:.1f} GiB",
        "file system of the database": disk,
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release()["PRETTY_NAME"],
        "MariaDB": said("mariadbd", "--version"),
        "lighttpd": said("lighttpd", "-v"),
        "nginx": said("nginx", "-v"),
        "libfcgi": said("pkg-config", "--modversion", "fcgi"),
        "OpenSSL": said("pkg-config", "--modversion", "libcrypto"),
        "libsodium": said("pkg-config", "--modversion", "libsodium"),
        "MariaDB Connector/C": said("pkg-config", "--modversion",
                                    "libmariadb"),
        "compiler": said(*make_variable("CC").split(), "--version"),
        "flags": " ".join(map(make_variable, (
            "CFLAGS", "HARDEN_CFLAGS", "HARDEN_CPPFLAGS", "HARDEN_LDFLAGS"))),
    }


def commit() -> str:
    return said("git", "describe", "--always", "--dirty", "--abbrev=12",
                cwd=TOP) or "unknown"


def check_build() -> None:
    """What is measured is what is installed."""
    if not (PROGRAMS / "load").exists():
        sys.exit(f"{PROGRAMS}/load is not there: run `make bench`, or name a"
                 " build in LATCHKEY_BUILD and run `make bench-programs` in it")
    hooks = re.search(r"^#define LK_TEST_HOOKS",
                      (BUILD / "config.h").read_text(), re.M)
    if hooks or make_variable("SANITIZER_FLAGS"):
        sys.exit(f"{BUILD} is a build for tests; configure one without"
                 " --enable-test-hooks and --with-sanitizer")
    if not re.search(r"-O[2s3]", make_variable("CFLAGS")):
        sys.exit(f"{BUILD} is not optimised: {make_variable('CFLAGS')}")
