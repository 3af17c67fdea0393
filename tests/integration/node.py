"""Programs for Node, with the packages that their lock files name."""

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pool import BUILD


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Of the test processes, one at a time."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def differ(one: Path, other: Path) -> bool:
    return not other.exists() or one.read_bytes() != other.read_bytes()


def installed(folder: Path) -> Path:
    """A copy of a folder below the build, with its packages.  What is there
    already is left alone: another test may be running it."""
    copy = BUILD / "npm" / folder.name
    copy.mkdir(parents=True, exist_ok=True)
    with alone(copy.with_suffix(".lock")):
        for file in filter(Path.is_file, folder.iterdir()):
            if differ(file, copy / file.name):
                shutil.copy(file, copy)
        lock = copy / "package-lock.json"
        done = copy / "node_modules/installed"
        if differ(lock, done):
            subprocess.run(
                ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts",
                 "--prefer-offline"], cwd=copy, check=True, timeout=300)
            shutil.copy(lock, done)
    return copy


class Caller:
    """A program that answers calls, one line of JSON each."""

    def __init__(self, script: Path, env: Mapping[str, str]):
        self.process = subprocess.Popen(
            ["node", script], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env={**os.environ, **env})

    def close(self) -> None:
        self.process.stdin.close()
        assert self.process.wait(60) == 0

    def ask(self, call: str, **members: Any) -> dict[str, Any]:
        self.process.stdin.write(json.dumps({"call": call, **members}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def result(self, call: str, **members: Any) -> Any:
        answer = self.ask(call, **members)
        assert "result" in answer, answer
        return answer["result"]

    def error(self, call: str, **members: Any) -> Any:
        answer = self.ask(call, **members)
        assert "error" in answer, answer
        return answer["error"]
