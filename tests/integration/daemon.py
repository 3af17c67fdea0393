"""A server process that a test owns: started, awaited, stopped, looked at."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from waiting import until

# Debian keeps servers where an ordinary user's PATH does not look.
os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"


class Daemon:
    def __init__(self, argv: Sequence[str | Path], log: Path,
                 env: Mapping[str, str] | None = None):
        self.argv = [str(arg) for arg in argv]
        self.log = log
        self.env = {**os.environ, **(env or {})}
        self.pass_fds: Sequence[int] = ()
        self.process: subprocess.Popen | None = None

    def start(self, answers: Callable[[], bool]) -> None:
        """Starts it and waits until it answers."""
        self.spawn()
        until(lambda: self.check_alive() and answers(),
              f"{self.argv[0]} answers; its log:\n{self.tail()}")

    def spawn(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.env, pass_fds=self.pass_fds)

    def check_alive(self) -> bool:
        status = self.process.poll()
        assert status is None, (
            f"{self.argv[0]} ended with {status}; its log:\n{self.tail()}")
        return True

    def wait(self, seconds: float = 60) -> int:
        """Waits for its end and gives the exit status."""
        return self.process.wait(seconds)

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def freeze(self) -> None:
        """Halts it in the middle of whatever it does; SIGCONT lets it go on."""
        halt(self.process.pid)

    def stop(self, number: int = signal.SIGTERM) -> int | None:
        """Stops it if it runs; gives the exit status, None if never started."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def tail(self, lines: int = 30) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace")
                         .splitlines()[-lines:])


def free_port() -> int:
    """A TCP port nobody listens on: below the range that the kernel gives to
    clients, so that only another call of this could take it meanwhile."""
    while True:
        port = 10000 + int.from_bytes(os.urandom(2), "big") % 20000
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def children(pid: int) -> list[int]:
    """The processes that this one has forked and that still run."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            continue
    return sorted(found)


def running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def name_of(pid: int) -> str | None:
    """What a process calls itself; None once it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return None


@contextmanager
def halted(*pids: int) -> Iterator[None]:
    """Meanwhile the processes stand still, wherever they were."""
    try:
        for pid in pids:
            halt(pid)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def halt(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    tasks = Path(f"/proc/{pid}/task")
    until(lambda: all(
        "\nState:\tT" in status.read_text()
        for status in tasks.glob("*/status")), "every thread stands still")
