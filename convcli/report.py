"""The size report: what was done to each input, as JSON, CSV or text."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from math import isfinite
from typing import TYPE_CHECKING

from convcli.errors import ConvError, printable

if TYPE_CHECKING:
    from convcli.finish import Tally
    from convcli.graph import Program, Stage

__all__ = ["Item", "Log", "kind_of", "render"]

KINDS = ("json", "csv", "txt")


@dataclass(slots=True)
class Item:
    """One input's line of the report; `status` is written, skipped, planned or failed.

    is_fatal: its result could not be written, which ended the run. bug: what failed was not the input.
    """

    input: str
    output: str | None = None
    status: str = "failed"
    shape_in: tuple[int, int, int] | None = None
    shape_out: tuple[int, int, int] | None = None
    frames: int = 1
    mode: tuple[str, str] | None = None
    program: "Program | None" = None
    tally: "Tally | None" = None
    seconds: float = 0.0
    message: str | None = None
    is_fatal: bool = False
    bug: Exception | None = None

    def as_dict(self) -> dict:
        """The item with the contract's field names."""
        program, tally = self.program, self.tally
        return {
            "input": self.input,
            "output": self.output,
            "status": self.status,
            "in": self.shape_in,
            "out": self.shape_out,
            "mode": self.mode,
            **({"frames": self.frames} if self.frames > 1 else {}),
            "stages": [_stage(stage) for stage in program.stages] if program else [],
            "receptive_field": program.field.size if program else None,
            "range": tally and {"rule": tally.rule, **_finite(tally), "low": tally.low, "high": tally.high},
            "seconds": round(self.seconds, 4),
            "message": self.message,
        }


def _finite(tally: "Tally") -> dict[str, float | None]:
    """The bounds; JSON has no infinities."""
    return {name: value if isfinite(value) else None for name, value in (("min", tally.min), ("max", tally.max))}


def _stage(stage: "Stage") -> dict:
    geometry, plan = stage.geometry, stage.plan
    return {
        "step": stage.step,
        "op": stage.op,
        "kernel": geometry and geometry.kernel,
        "stride": geometry and geometry.stride,
        "dilation": geometry and geometry.dilation,
        "padding": geometry and geometry.padding,
        "padding_mode": geometry and str(geometry.border),
        "unread": geometry and geometry.unread,
        "in": stage.size_in,
        "out": stage.size_out,
        "weights": stage.weights,
        "macs": plan.macs if plan else 0,
        "method": plan and plan.method,
        "why": plan and plan.why,
        "receptive_field": stage.field.size,
    }


class Log:
    """Items in the order they came, packed: a run may have ten thousand, and they differ little."""

    def __init__(self):
        self._packer, self._packed = zlib.compressobj(1), []

    def add(self, item: dict) -> None:
        """One item more, as `Item.as_dict` gives it."""
        import json

        if piece := self._packer.compress(json.dumps(item).encode() + b"\n"):
            self._packed.append(piece)

    def __iter__(self) -> Iterator[dict]:
        import json

        unpacker, rest = zlib.decompressobj(), b""
        for piece in [*self._packed, self._packer.copy().flush()]:
            *lines, rest = (rest + unpacker.decompress(piece)).split(b"\n")
            yield from map(json.loads, lines)


def kind_of(name: str) -> str:
    """The kind of a report file by its name."""
    kind = name.rpartition(".")[2].lower()
    if kind not in KINDS:
        raise ConvError(f"{name}: a report is .json, .csv or .txt")
    return kind


def render(items: Iterable[dict], counts: Mapping[str, int], seconds: float, kind: str) -> Iterator[str]:
    """The report as the text of a file of that kind, piece by piece; `lines` is one JSON object for each item.

    items: as `Item.as_dict` gives them, to be gone through more than once. counts: how many have each status.
    """
    import json
    from importlib.metadata import version

    summary = {status: counts.get(status, 0) for status in ("written", "skipped", "failed")}
    summary["seconds"] = round(seconds, 4)
    if kind == "json":
        yield f'{{"convcli": {json.dumps(version("convcli"))}, "items": ['
        for n, item in enumerate(items):
            yield "," * (n > 0) + "\n" + json.dumps(item)
        yield f'\n], "summary": {json.dumps(summary)}}}\n'
    elif kind == "lines":
        for item in items:
            yield json.dumps(item) + "\n"
    elif kind == "csv":
        yield _cells(COLUMNS)
        for item in items:
            yield _cells(_row(item))
    else:
        widths = list(map(len, COLUMNS))
        for item in items:
            widths = [max(width, len(cell)) for width, cell in zip(widths, _row(item), strict=True)]
        for row in chain([COLUMNS], map(_row, items)):
            yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"
        told = ("written", *("planned",) * bool(counts.get("planned")), "skipped", "failed")
        yield ", ".join(f"{counts.get(status, 0)} {status}" for status in told)
        yield f", {summary['seconds']} s\n"


COLUMNS = (
    "input",
    "output",
    "status",
    "in",
    "out",
    "unread",
    "receptive_field",
    "method",
    "macs",
    "seconds",
    "message",
)


def _row(item: dict) -> list[str]:
    """One line of the CSV and text forms: what fits into cells."""

    def by(values) -> str:
        return "x".join(map(str, values)) if values else ""

    stages = item["stages"]
    return [
        printable(item["input"]),
        printable(item["output"] or ""),
        item["status"],
        by(item["in"]),
        by(item["out"]),
        " ".join(by(stage["unread"]) for stage in stages if stage["unread"]),
        by(item["receptive_field"]),
        " ".join(stage["method"] for stage in stages if stage["method"]),
        str(sum(stage["macs"] for stage in stages)),
        str(item["seconds"]),
        item["message"] or "",
    ]


def _cells(row: Iterable[str]) -> str:
    """A line of CSV."""
    import csv
    from io import StringIO

    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue()
