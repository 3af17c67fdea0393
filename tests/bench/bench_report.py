"""What a benchmark has found, as Markdown: in short, the table; at length, with
the machine, every row's figures and where the time goes."""

from collections import Counter
from collections.abc import Iterable, Sequence

from bench_results import Ratio, Report, Row, Side, Spread, Value

TITLES = {
    "memory": "Memory",
    "start": "Start",
    "verify": "Checking a token",
    "new": "Checking a token that no worker has seen",
    "refresh": "Refreshing",
    "login": "Signing in",
    "revocations": "Checking among revocations",
    "sessions": "Refreshing among sessions",
}


def number(value: float) -> str:
    """With three digits, or all before the point."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread(found: Spread) -> str:
    if found.low == found.high:
        return number(found.middle)
    return (f"{number(found.middle)}"
            f" ({number(found.low)} – {number(found.high)})")


def errors(found: Counter) -> str:
    return ", ".join(f"{n:,} × {status}" for status, n in found.items())


def table(head: Sequence[str], rows: Iterable[Sequence[str]],
          words: int = 1) -> str:
    """The first columns are words, to the left; figures to the right."""
    marks = [":--"] * words + ["--:"] * (len(head) - words)
    lines = [head, marks, *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


# ---- the table ---------------------------------------------------------------

def goal(row: Row) -> str:
    if isinstance(row, Ratio):
        return f"≥ {row.target:.2f}"
    return f"≤ {number(row.target)} {row.unit}"


def verdict(row: Row) -> str:
    if isinstance(row, Ratio) and row.errors():
        return f"**errors: {errors(row.errors())}**"
    return "yes" if row.met() else "**no**"


def result(row: Row) -> str:
    if isinstance(row, Ratio):
        return spread(row.ratio())
    return f"{spread(row.spread())} {row.unit}"


def bound(row: Ratio) -> str:
    text = spread(Spread.of(row.bounds())) + ": "
    if len(row.others) == 1:
        return text + row.others[0].name
    return text + ", ".join(f"{side.name} {number(side.rate().middle)}"
                            for side in row.others)


def line(row: Row) -> str:
    """For whoever waits."""
    text = f"    {result(row)}, to reach {goal(row)}"
    if isinstance(row, Ratio):
        text += (f"; {spread(row.ours.rate())} against {bound(row)}")
        if row.errors():
            text += f"; errors: {errors(row.errors())}"
    return text


def short_row(row: Row) -> list[str]:
    if isinstance(row, Value):
        return [row.title, "–", "–", "–", result(row), goal(row), verdict(row)]
    latency = row.ours.latency_us()
    return [row.title, spread(row.ours.rate()), bound(row),
            " / ".join(number(latency[name] / 1000)
                       for name in ("p50", "p99")),
            result(row), goal(row), verdict(row)]


def short(report: Report) -> str:
    text = table(
        ["measured", "a second", "the bound of the same run, a second",
         "p50 / p99, ms", "ratio or figure", "to reach", "reached"],
        map(short_row, report.rows))
    text += (f"\nMedian (least – most) of {report.plan['rounds']} rounds of"
             f" {report.plan['seconds']} s; commit {report.commit},"
             f" {report.machine['processors']} processors of"
             f" {report.machine['processor']}.\n")
    if report.quick:
        text += ("\nA quick run: short runs and small tables.  It shows that"
                 " all works; it is no measurement.\n")
    return text + notes(report)


def notes(report: Report) -> str:
    failed = [f"{name} failed: {why}" for name, why in report.failed.items()]
    return "".join(f"\nNote: {note}.\n" for note in failed + report.notes)


# ---- at length ---------------------------------------------------------------

def machine(report: Report) -> str:
    rows = [[name, value or "?"] for name, value in report.machine.items()]
    rows += [["commit", report.commit],
             ["measured", f"{report.began}, in {report.minutes:.0f} minutes"]]
    return table(["part", "what it is"], rows, words=2)


def latencies(sides: Iterable[Side]) -> str:
    sides = [side for side in sides if side.latency_us()]
    if not sides:
        return ""
    return "\n" + table(
        ["milliseconds to the answer", "p50", "p90", "p99", "p99.9", "most"],
        ([side.name, *(number(side.latency_us()[name] / 1000) for name in
                       ("p50", "p90", "p99", "p999", "max"))]
         for side in sides))


PARTS = ("web server", "Latchkey", "empty program", "MariaDB", "generator",
         "rest", "idle")


def processor(report: Report) -> str:
    """Where the time goes, in all rows."""
    return table(
        ["processor time of a request, µs", "of", *PARTS],
        ([row.title, side.name,
          *(number(max(cpu[part], 0)) if part in cpu else "–"
            for part in PARTS)]
         for row in report.ratios() for side in [row.ours, *row.others]
         for cpu in [side.cpu_us()]), words=2)


def detail(row: Ratio) -> str:
    sides = [row.ours, *row.others]
    text = f"\n### {row.title}\n\n"
    text += f"{result(row)}, to reach {goal(row)}: {verdict(row)}.\n\n"
    text += table(
        ["a second", "median", "least", "most", "each round"],
        ([side.name, *map(number, (rate.middle, rate.low, rate.high)),
          ", ".join(number(run.rate) for run in side.runs)]
         for side, rate in ((side, side.rate()) for side in sides)))
    text += ("\nRatio of each round: "
             + ", ".join(f"{ratio:.3f}" for ratio in row.ratios()) + ".\n")
    return text + latencies(sides)


def missed(report: Report) -> str:
    rows = [row for row in report.rows if not row.met()]
    if not rows:
        return "Nothing: all targets are reached.\n"
    return "".join(
        f"- {row.title}: {result(row)}, to reach {goal(row)}"
        + ("; " + verdict(row).strip("*")
           if isinstance(row, Ratio) and row.errors() else "") + "\n"
        for row in rows)


def whole(report: Report) -> str:
    """The table, where the time goes, and the machine."""
    return (short(report)
            + "\n## Where the time goes\n\n"
            "Processor time of all processes of a part, divided by the"
            " requests of the same span.\n`rest` is what the machine did"
            " beside them, `idle` what it left unused: a row with much of\n"
            "it waits, for a disk or for its peers.\n\n"
            + processor(report)
            + "\n## The machine\n\n" + machine(report)
            + "\nMariaDB is as durable as it is by itself"
            " (`innodb_flush_log_at_trx_commit=1`, the doublewrite\nbuffer"
            " on), with `innodb_buffer_pool_size=1G` and"
            " `innodb_log_file_size=256M`; for the table of\nsessions"
            f" {report.plan['buffer_pool']} and 1G.  Latchkey has its own"
            " defaults: 8 + 2 workers, `log_level` info.  The web\nservers"
            " run by the files of `deploy/`.\n")


def long(report: Report) -> str:
    text = ("# What Latchkey costs\n\n"
            "Written by `tests/bench/bench --publish`; its first lines say"
            " how it is measured.\nAgain, on another machine:\n\n"
            "\tautoreconf -fi && mkdir build && cd build && ../configure"
            " && make bench\n\n"
            + whole(report) + "\n## Missed\n\n" + missed(report))
    for name in dict.fromkeys(row.measure for row in report.rows):
        text += f"\n## {TITLES[name]}\n"
        for row in report.of(name):
            if isinstance(row, Ratio):
                text += detail(row)
            else:
                text += (f"\n- {row.title}: {result(row)}, to reach"
                         f" {goal(row)}; {row.detail}\n")
    return text
