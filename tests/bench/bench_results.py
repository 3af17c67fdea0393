"""What a benchmark has found: runs, rows of the table, what a target says of
them.  Plain figures, no servers."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

QUANTILES = ("p50", "p90", "p99", "p999", "max")


@dataclass
class Run:
    """One short run.  cpu_us: microseconds of processor for each request, by
    part; `rest` is what the machine did beside them, `idle` what it could have
    done more.  rest: the same as a share of the machine."""

    rate: float
    requests: int
    seconds: float
    cpu_us: dict[str, float]
    rest: float
    errors: dict[str, int] = field(default_factory=dict)
    reconnects: int = 0
    latency_us: dict[str, float] = field(default_factory=dict)


@dataclass
class Spread:
    """A median, and how far off the others were."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(median(values), min(values), max(values))


@dataclass
class Side:
    """One of the things compared."""

    name: str
    runs: list[Run]
    size: int | None = None  # of what grows from row to row

    def rate(self) -> Spread:
        return Spread.of([run.rate for run in self.runs])

    def errors(self) -> Counter:
        return sum((Counter(run.errors) for run in self.runs), Counter())

    def cpu_us(self) -> dict[str, float]:
        return self.medians([run.cpu_us for run in self.runs])

    def latency_us(self) -> dict[str, float]:
        return self.medians([run.latency_us for run in self.runs])

    @staticmethod
    def medians(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
        return {name: median(each[name] for each in figures)
                for name in figures[0]}


def bound_of(rates: Sequence[float]) -> float:
    """The rate of work that has to pass them all, one after the other."""
    return 1 / sum(1 / rate for rate in rates)


@dataclass
class Ratio:
    """A row: ours against the bound that the others set, round by round."""

    measure: str
    title: str
    target: float
    ours: Side
    others: list[Side]

    def bounds(self) -> list[float]:
        return [bound_of([run.rate for run in runs])
                for runs in zip(*(side.runs for side in self.others))]

    def ratios(self) -> list[float]:
        return [run.rate / bound
                for run, bound in zip(self.ours.runs, self.bounds())]

    def ratio(self) -> Spread:
        return Spread.of(self.ratios())

    def errors(self) -> Counter:
        return sum((side.errors() for side in [self.ours, *self.others]),
                   Counter())

    def met(self) -> bool:
        return self.ratio().middle >= self.target and not self.errors()


@dataclass
class Value:
    """A row: a figure that is to stay below its target."""

    measure: str
    title: str
    unit: str
    target: float
    values: list[float]
    detail: str

    def spread(self) -> Spread:
        return Spread.of(self.values)

    def met(self) -> bool:
        return self.spread().middle <= self.target


Row = Ratio | Value


@dataclass
class Report:
    quick: bool
    commit: str
    began: str
    minutes: float
    machine: dict[str, str]
    plan: dict[str, Any]
    rows: list[Row]
    notes: list[str]
    failed: dict[str, str]  # measures, and why

    def of(self, measure: str) -> list[Row]:
        return [row for row in self.rows if row.measure == measure]

    def ratios(self) -> list[Ratio]:
        return [row for row in self.rows if isinstance(row, Ratio)]

    def json(self) -> dict[str, Any]:
        """All raw figures, and what was made of them."""
        raw = asdict(self)
        for row, plain in zip(self.rows, raw["rows"]):
            plain["met"] = row.met()
            if isinstance(row, Ratio):
                plain["ratios"] = row.ratios()
        return raw


def interleave(sides: Mapping[str, Callable[[], Run]], rounds: int
               ) -> list[Side]:
    """A B, B A, A B, …: what the machine does meanwhile meets all alike."""
    found = {name: Side(name, []) for name in sides}
    for number in range(rounds):
        order = list(sides)
        for name in order if number % 2 == 0 else reversed(order):
            found[name].runs.append(sides[name]())
    return list(found.values())
