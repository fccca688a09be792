"""The size report: what was done to each input, as JSON, CSV or text."""

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from convcli.errors import ConvError, printable

if TYPE_CHECKING:
    from convcli.graph import Program, Stage
    from convcli.levels import Tally

__all__ = ["Item", "document", "kind_of", "render"]

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
    }


def document(items: list[dict], counts: dict[str, int], seconds: float) -> dict:
    """The whole report: items as `Item.as_dict` gives them, and how many have each status."""
    from importlib.metadata import version

    summary = {status: counts.get(status, 0) for status in ("written", "skipped", "failed")}
    return {
        "convcli": version("convcli"),
        "items": items,
        "summary": {**summary, "seconds": round(seconds, 4)},
    }


def kind_of(name: str) -> str:
    """The kind of a report file by its name."""
    kind = name.rpartition(".")[2].lower()
    if kind not in KINDS:
        raise ConvError(f"{name}: a report is .json, .csv or .txt")
    return kind


def render(report: dict, kind: str) -> str:
    """The report as the text of a file of that kind; `lines` is one JSON object for each item."""
    import json

    if kind == "json":
        return json.dumps(report, indent=1) + "\n"
    if kind == "lines":
        return "".join(json.dumps(item) + "\n" for item in report["items"])
    rows = [_row(item) for item in report["items"]]
    if kind == "csv":
        return _csv(rows)
    widths = [max(len(str(row[n])) for row in [list(COLUMNS), *rows]) for n in range(len(COLUMNS))]
    lines = ["  ".join(str(v).ljust(w) for v, w in zip(r, widths, strict=True)).rstrip() for r in [COLUMNS, *rows]]
    total = report["summary"]
    lines.append(
        f"{total['written']} written, {total['skipped']} skipped, {total['failed']} failed, {total['seconds']} s"
    )
    return "\n".join(lines) + "\n"


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


def _csv(rows: list[list[str]]) -> str:
    import csv
    from io import StringIO

    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([COLUMNS, *rows])
    return text.getvalue()
