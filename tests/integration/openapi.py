"""app/openapi.yaml as a judge of answers, and the writer of its examples."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from api import Answer

PATH = Path(__file__).resolve().parents[2] / "app/openapi.yaml"
DOCUMENT = yaml.safe_load(PATH.read_text())

# Where the part that is written by tests/openapi-examples begins.
MARKER = "\n  examples:\n"

# What a web server adds of its own.
TRANSPORT = {"accept-ranges", "connection", "content-length", "content-type",
             "date", "keep-alive", "server", "status",
             "strict-transport-security", "transfer-encoding"}

METHODS = ("get", "put", "post", "delete", "options", "head", "patch")


class Fact(NamedTuple):
    """Something that the file says can be in an answer: nothing (the status
    itself), a member, one value of a member, a header."""

    operation: str
    status: str
    what: str = ""


class Operation(NamedTuple):
    id: str
    method: str
    path: str
    any_method: bool
    spec: dict

    def matches(self, method: str, path: str) -> bool:
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(self.path))
        return bool(re.fullmatch(pattern, path)) and (
            self.any_method or method == self.method
            or (method, self.method) == ("HEAD", "GET"))

    def request_schema(self, content_type: str) -> dict | None:
        content = meant(self.spec.get("requestBody", {})).get("content", {})
        return content.get(content_type, {}).get("schema")

    def responses(self) -> dict[str, dict]:
        return self.spec["responses"]


def meant(node: dict) -> dict:
    """What a reference stands for, with what is said beside it."""
    while "$ref" in node:
        target: Any = DOCUMENT
        for key in node["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        beside = {key: value for key, value in node.items() if key != "$ref"}
        node = {**target, **beside}
        if "properties" in beside:
            # Narrower schemas of some members (a problem's code).
            node["properties"] = {
                name: {**schema, **beside["properties"].get(name, {})}
                for name, schema in target["properties"].items()}
    return node


OPERATIONS = [
    Operation(spec["operationId"], method.upper(), path,
              item.get("x-any-method", False), spec)
    for path, item in DOCUMENT["paths"].items()
    for method, spec in item.items() if method in METHODS]

# Whatever was meant for none of them.
OTHER = Operation("(other)", "", "", False,
                  {"responses": DOCUMENT["x-other-requests"]})


def find(method: str, path: str) -> Operation:
    path = path.partition("?")[0]
    found = [operation for operation in OPERATIONS
             if operation.matches(method, path)]
    return found[0] if found else OTHER


# ---- schemas ----------------------------------------------------------------

# By the identity of schemas, which are parts of the document.
VALIDATORS: dict[int, Draft202012Validator] = {}


def wrong(schema: dict, value: Any) -> str | None:
    """What is wrong with a value, by its schema."""
    if id(schema) not in VALIDATORS:
        # References are into the document, which the schema stands in for.
        VALIDATORS[id(schema)] = Draft202012Validator(
            {**schema, "components": DOCUMENT["components"]})
    for error in VALIDATORS[id(schema)].iter_errors(value):
        return f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
    return None


def check(schema: dict, value: Any) -> None:
    problem = wrong(schema, value)
    assert problem is None, problem


def inside(schema: dict, pointer: str = "") -> Iterator[str]:
    """Each member that a schema speaks of, and each value where it lists
    them."""
    schema = meant(schema)
    for value in schema.get("enum", ()):
        yield f"{pointer}={value}"
    for one in schema.get("oneOf", ()):
        yield from inside(one, pointer)
    for name, member in schema.get("properties", {}).items():
        yield f"{pointer}/{name}"
        yield from inside(member, f"{pointer}/{name}")
    if "items" in schema and "const" not in schema:
        yield f"{pointer}/*"
        yield from inside(schema["items"], f"{pointer}/*")


def found(value: Any, pointer: str = "") -> Iterator[str]:
    """The same of a value."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield f"{pointer}/{name}"
            yield from found(member, f"{pointer}/{name}")
    elif isinstance(value, list):
        for member in value:
            yield f"{pointer}/*"
            yield from found(member, f"{pointer}/*")
    else:
        yield f"{pointer}={value}"


# ---- answers ----------------------------------------------------------------

def declared(operation: Operation) -> set[Fact]:
    """All that the file says of an operation's answers."""
    facts = set()
    for status, response in operation.responses().items():
        response = meant(response)
        facts.add(Fact(operation.id, status))
        facts |= {Fact(operation.id, status, f"{name}:")
                  for name in response.get("headers", {})}
        for media in response.get("content", {}).values():
            facts |= {Fact(operation.id, status, what)
                      for what in inside(media["schema"])}
    return facts


def judge_headers(response: dict, answer: Answer) -> Iterator[str]:
    headers = response["headers"]
    sent = {name.lower() for name in answer.headers.keys()} - TRANSPORT
    unnamed = sent - {name.lower() for name in headers}
    assert not unnamed, f"headers that the file has not: {unnamed}"
    for name, header in headers.items():
        header = meant(header)
        values = answer.headers.get_all(name, [])
        assert values or not header.get("required"), f"no {name}"
        for value in values:
            number = meant(header["schema"]).get("type") == "integer"
            check(header["schema"], int(value) if number else value)
            yield f"{name}:"


def judge_body(response: dict, answer: Answer) -> Iterator[str]:
    content = response.get("content")
    if content is None:
        assert answer.body == b"", answer
        return
    kind = answer.headers.get_content_type()
    assert kind in content, f"{kind} is not in the file"
    schema = content[kind]["schema"]
    value = answer.json if kind.endswith("json") else answer.body.decode()
    check(schema, value)
    if kind.endswith("json"):
        yield from found(value)


def judge(method: str, path: str, answer: Answer) -> set[Fact]:
    """Holds an answer against the file.  Gives what of the file it shows."""
    operation, status = find(method, path), str(answer.status)
    where = f"{method} {path} ({operation.id}): {answer}"
    assert status in operation.responses(), (
        f"{where}: the file has no {status} there")
    response = meant(operation.responses()[status])
    try:
        shown = {"", *judge_headers(response, answer)}
        if method != "HEAD":
            shown |= set(judge_body(response, answer))
    except AssertionError as error:
        raise AssertionError(f"{where}: {error}") from error
    return {Fact(operation.id, status, what) for what in shown}


# ---- examples ---------------------------------------------------------------

class Examples:
    """Real requests and answers.  Where a schema has examples, the values are
    others each time, and its examples stand for them: for the times of an
    object in turn, and else the same one for the same value."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.stand_ins: dict[str, dict[str, str]] = {}

    def stand_in(self, name: str, schema: dict, value: Any,
                 turns: dict[str, Iterator]) -> Any:
        examples = schema["examples"]
        if schema["type"] == "integer" or "format" in schema:
            return next(turns.setdefault(name, cycle(examples)))
        known = self.stand_ins.setdefault(name, {})
        return known.setdefault(value, examples[len(known) % len(examples)])

    def stable(self, schema: dict, value: Any, turns: dict[str, Iterator]
               ) -> Any:
        name, schema = schema.get("$ref", str(id(schema))), meant(schema)
        if "oneOf" in schema:
            (one,) = [one for one in schema["oneOf"] if not wrong(one, value)]
            return self.stable(one, value, turns)
        if "examples" in schema and value is not None:
            return self.stand_in(name, schema, value, turns)
        if isinstance(value, dict):
            members, turns = schema.get("properties", {}), {}
            return {key: self.stable(members.get(key, {}), member, turns)
                    for key, member in value.items()}
        if isinstance(value, list):
            return [self.stable(schema["items"], member, turns)
                    for member in value]
        return value

    def add(self, name: str, schema: dict, value: Any) -> None:
        if name not in self.values:
            self.values[name] = self.stable(schema, value, {})

    def add_request(self, operation: Operation, name: str, kind: str,
                    members: Any) -> None:
        self.add(name, operation.request_schema(kind), members)

    def add_answer(self, operation: Operation, name: str, answer: Answer
                   ) -> None:
        kind = answer.headers.get_content_type()
        response = meant(operation.responses()[str(answer.status)])
        self.add(name, response["content"][kind]["schema"], answer.json)

    def settle(self) -> None:
        """Holds the file's examples against these, or writes them there."""
        rest, marker, there = PATH.read_text().partition(MARKER)
        made = yaml.dump(
            {name: {"value": value}
             for name, value in sorted(self.values.items())},
            Dumper=Blocks, sort_keys=False, allow_unicode=True, width=10 ** 6)
        made = textwrap.indent(made, " " * 4)
        if "LATCHKEY_WRITE_EXAMPLES" in os.environ:
            PATH.write_text(rest + marker + made)
        else:
            assert there == made, "tests/openapi-examples writes them anew"


class Blocks(yaml.SafeDumper):
    """Writes the part of YAML that the file keeps to."""

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)


def of_lines(dumper: Blocks, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Blocks.add_representer(str, of_lines)
