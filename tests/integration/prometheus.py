"""A strict reader of Prometheus' text format, version 0.0.4."""

import math
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\n"])*"'
SAMPLE = re.compile(rf"({NAME})(\{{{LABEL}(?:,{LABEL})*\}})? (\S+)")
COMMENT = re.compile(rf"# (HELP|TYPE) ({NAME}) (.+)")
LE = re.compile(r',?le="([^"]*)"')
PARTS = ("_bucket", "_sum", "_count")


def family_of(name: str, types: dict[str, str]) -> str:
    for part in PARTS:
        base = name.removesuffix(part)
        if base != name and types.get(base) == "histogram":
            return base
    return name


def samples(text: str) -> dict[str, float]:
    """The value of each sample, by its name and labels as they stand there;
    fails on whatever Prometheus would not take."""
    found: dict[str, float] = {}
    types: dict[str, str] = {}
    helps: set[str] = set()
    order: list[str] = []
    assert text.endswith("\n")
    for line in text.splitlines():
        if line == "# EOF":
            continue
        if comment := COMMENT.fullmatch(line):
            kind, name, rest = comment.groups()
            if kind == "HELP":
                assert name not in helps, line
                helps.add(name)
            else:
                assert name not in types and name not in order, line
                assert rest in ("counter", "gauge", "histogram"), line
                types[name] = rest
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, line
        name, labels, value = sample.groups(default="")
        family = family_of(name, types)
        assert family in types and family in helps, line
        assert family not in order[:-1], f"not in one piece: {line}"
        if not order or order[-1] != family:
            order.append(family)
        assert name + labels not in found, line
        found[name + labels] = float(value)
        if types[family] != "gauge":
            assert float(value) >= 0, line
    for family, kind in types.items():
        if kind == "histogram":
            check_histogram(family, found)
    return found


def check_histogram(family: str, found: dict[str, float]) -> None:
    """Buckets add up, and the last has all."""
    buckets: dict[str, list[tuple[float, float]]] = {}
    for sample, value in found.items():
        name, _, labels = sample.partition("{")
        if name == family + "_bucket":
            bound = math.inf if 'le="+Inf"' in labels else float(
                LE.search(labels)[1])
            buckets.setdefault("{" + LE.sub("", labels), []).append(
                (bound, value))
    assert buckets, family
    for labels, series in buckets.items():
        assert series == sorted(series), (family, labels)
        assert [value for _, value in series] == sorted(
            value for _, value in series), (family, labels)
        assert series[-1] == (math.inf, found[family + "_count" + labels])
        assert family + "_sum" + labels in found
