"""Plots of what a benchmark has found, as plain SVG that follows the reader's
light or dark colours."""

import math
from collections.abc import Callable, Sequence
from html import escape

from bench_results import Ratio, Report

WIDTH = 860
LEFT = 350     # of the plots with a title for each line
LINE = 26

STYLE = """
svg { font: 13px system-ui, sans-serif; background: #fff; }
text { fill: #222; }
.faint { fill: #666; }
.grid { stroke: #ddd; }
.target { stroke: #b3261e; stroke-width: 2; }
.a { stroke: #1a5fb4; fill: #1a5fb4; }
.b { stroke: #9a6700; fill: #9a6700; }
.c { stroke: #2e7d32; fill: #2e7d32; }
.line { fill: none; stroke-width: 2; }
.key { stroke: none; }
@media (prefers-color-scheme: dark) {
	svg { background: #16181c; }
	text { fill: #e6e6e6; }
	.faint { fill: #a0a0a0; }
	.grid { stroke: #3a3d42; }
	.target { stroke: #ff8a80; }
	.a { stroke: #7ab7ff; fill: #7ab7ff; }
	.b { stroke: #f0b429; fill: #f0b429; }
	.c { stroke: #81c784; fill: #81c784; }
}
"""

Scale = Callable[[float], float]


def svg(height: float, title: str, parts: Sequence[str]) -> str:
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}"'
            f' height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}"'
            f' role="img"><title>{escape(title)}</title>\n'
            f"<style>{STYLE}</style>\n"
            + text(16, 24, title) + "\n".join(parts) + "\n</svg>\n")


def text(x: float, y: float, words: str, kind: str = "",
         anchor: str = "start") -> str:
    return (f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}"'
            f' text-anchor="{anchor}">{escape(words)}</text>\n')


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
            f' class="{kind}"/>')


def dot(x: float, y: float, kind: str, size: float = 4) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" class="{kind}"/>'


def whisker(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Between two points on a level or upright line, with a bar at its ends."""
    dx, dy = (0, 4) if y1 == y2 else (4, 0)
    return (line(x1, y1, x2, y2, kind)
            + "".join(line(x - dx, y - dy, x + dx, y + dy, kind)
                      for x, y in ((x1, y1), (x2, y2))))


def ratios(report: Report) -> str:
    """Each ratio with its least and most, and the mark it is to reach."""
    rows = report.ratios()
    top, bottom = 50, 50 + LINE * len(rows)
    most = max([1.05, *(row.ratio().high for row in rows)])

    def x(ratio: float) -> float:
        return LEFT + (WIDTH - LEFT - 120) * ratio / most

    parts = []
    for tenth in range(0, int(most * 10) + 1, 2):
        parts += [line(x(tenth / 10), top - 8, x(tenth / 10), bottom, "grid"),
                  text(x(tenth / 10), bottom + 18, f"{tenth / 10:.1f}",
                       "faint", "middle")]
    for number, row in enumerate(rows):
        y = top + LINE * (number + 0.5)
        ratio = row.ratio()
        parts += [text(LEFT - 12, y + 4, short_title(row), "", "end"),
                  whisker(x(ratio.low), y, x(ratio.high), y, "a"),
                  dot(x(ratio.middle), y, "a"),
                  line(x(row.target), y - 9, x(row.target), y + 9, "target"),
                  text(WIDTH - 16, y + 4, f"{ratio.middle:.2f}"
                       f" (≥ {row.target:.2f})", "faint", "end")]
    return svg(bottom + 34, "Ratio to the bound of the same run: median, least"
               " and most; red: to reach", parts)


def short_title(row: Ratio) -> str:
    title = row.title
    for long, brief in ((" and a static file", " + file"),
                        ("tokens that come once", "new tokens"),
                        ("live revocations", "revoked"),
                        (" by default, lighttpd", "")):
        title = title.replace(long, brief)
    return title


def growth(report: Report, measure: str, title: str) -> str:
    """The rate over the number of rows, with its least and most."""
    rows = report.of(measure)
    sides = [rows[0].others[0], *(row.ours for row in rows)]
    left, right, top, bottom = 80, WIDTH - 40, 50, 330
    sizes = [side.size for side in sides]
    low = math.log10(max(min(sizes), 1))
    span = max(math.log10(max(sizes)) - low, 1)
    most = 1.1 * max(side.rate().high for side in sides)

    def x(size: int) -> float:
        return left + 30 + (right - left - 60) * (
            math.log10(max(size, 1)) - low) / span

    def y(rate: float) -> float:
        return bottom - (bottom - top) * rate / most

    step = 10 ** math.floor(math.log10(most / 2))
    step *= next(n for n in (5, 2, 1) if n * step <= most / 3 or n == 1)
    parts = []
    for number in range(int(most / step) + 1):
        parts += [line(left, y(number * step), right, y(number * step),
                       "grid"),
                  text(left - 8, y(number * step) + 4,
                       f"{number * step:,.0f}", "faint", "end")]
    points = " ".join(f"{x(side.size):.1f},{y(side.rate().middle):.1f}"
                      for side in sides)
    parts.append(f'<polyline points="{points}" class="a line"'
                 ' style="fill: none"/>')
    for side in sides:
        rate = side.rate()
        parts += [whisker(x(side.size), y(rate.low), x(side.size),
                          y(rate.high), "a"),
                  dot(x(side.size), y(rate.middle), "a"),
                  text(x(side.size), bottom + 18, f"{side.size:,}", "faint",
                       "middle")]
    return svg(bottom + 34, title, parts)


def latency(report: Report) -> str:
    """Percentiles of each row, on a log scale."""
    rows = [row for row in report.ratios() if row.ours.latency_us()]
    marks = (("p50", "a"), ("p90", "b"), ("p99", "c"))
    top, bottom = 72, 72 + LINE * len(rows)
    times = [row.ours.latency_us()[name] for row in rows for name, _ in marks]
    low = math.floor(math.log10(min(times)))
    high = math.ceil(math.log10(max(times)))

    def x(us: float) -> float:
        return LEFT + (WIDTH - LEFT - 40) * (math.log10(us) - low) / (
            high - low)

    parts = []
    for number, (name, kind) in enumerate(marks):
        parts += [dot(LEFT + 60 * number, 46, kind),
                  text(LEFT + 10 + 60 * number, 50, name)]
    for power in range(low, high + 1):
        parts += [line(x(10 ** power), top - 8, x(10 ** power), bottom,
                       "grid"),
                  text(x(10 ** power), bottom + 18,
                       f"{10 ** (power - 3):g} ms", "faint", "middle")]
    for number, row in enumerate(rows):
        y = top + LINE * (number + 0.5)
        found = row.ours.latency_us()
        parts += [text(LEFT - 12, y + 4, short_title(row), "", "end"),
                  line(x(found["p50"]), y, x(found["p99"]), y, "grid")]
        parts += [dot(x(found[name]), y, kind) for name, kind in marks]
    return svg(bottom + 34, "Time from the request to the answer at full load",
               parts)


def all_of(report: Report) -> dict[str, str]:
    """The files that there is something to show in."""
    found = {}
    if report.ratios():
        found["ratios.svg"] = ratios(report)
    if report.of("revocations"):
        found["revocations.svg"] = growth(
            report, "revocations", "/verify a second, over live revocations")
    if report.of("sessions"):
        found["sessions.svg"] = growth(
            report, "sessions", "/refresh a second, over sessions")
    if any(row.ours.latency_us() for row in report.ratios()):
        found["latency.svg"] = latency(report)
    return found
