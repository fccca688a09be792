"""What `apply` says while it works, and the report it leaves."""

import os
import sys
from collections import Counter
from pathlib import Path
from time import perf_counter

import click

from convcli import files, report
from convcli.errors import ConvError, printable
from convcli.geometry import Window
from convcli.report import Item
from convcli.words import spell_padding

__all__ = ["Ledger", "Talk"]


class Talk:
    """A line for each item on standard output where that is free, errors and warnings on standard error."""

    def __init__(self, window: Window, quiet: bool, verbose: bool, is_stdout_free: bool, is_debugged: bool = False):
        self.window, self.verbose, self.is_stdout_free = window, verbose, is_stdout_free
        self.is_debugged = is_debugged
        self.quiet = quiet or not sys.stdout.writable()

    def item(self, item: Item, warnings: list[str]) -> None:
        """One item, as soon as it is done."""
        if item.status == "failed":
            if item.bug and self.is_debugged:
                import traceback

                traceback.print_exception(item.bug)
            click.echo(f"convcli: {item.message}", err=True)
            return
        if self.quiet:
            return
        if not self.is_stdout_free:
            for warning in warnings:
                click.echo(f"convcli: warning: {printable(item.input)}: {warning}", err=True)
            self._details(item, err=True)
            return
        source, output = printable(item.input), printable(item.output)
        if item.status == "skipped":
            click.echo(f"{source} -> {output}  exists, skipped")
            return
        ends = zip((item.shape_in, item.shape_out), item.mode, strict=True)
        count = f", {item.frames} frames" if item.frames > 1 else ""
        before, after = (f"{_spelled(shape, mode)} {mode}{count}" for shape, mode in ends)
        click.echo(f"{source}  {before} -> {output}  {after}  ({self._how(item)})")
        for warning in warnings:
            click.secho(f"  {warning}", fg="yellow")
        self._details(item)

    def _details(self, item: Item, err: bool = False) -> None:
        """How each step is computed, for those who ask."""
        if self.verbose and item.program:
            for line in str(item.program).splitlines():
                click.secho(f"  {line}", dim=True, err=err)

    def _how(self, item: Item) -> str:
        """Kernel size, padding, mode, method and time."""
        windows = [stage for stage in item.program.stages if stage.geometry]
        count = len(item.program.stages)
        words = [f"{count} steps" if count > 1 else "a point step"]
        if count == 1 == len(windows):
            geometry, asked = windows[0].geometry, self.window.padding
            is_asked = isinstance(asked, str) and windows[0].op == self.window.op
            padding = asked if is_asked else f"padding {spell_padding(geometry.padding)}"
            words = ["x".join(map(str, geometry.kernel)), padding]
            words += [str(geometry.border)] if any(geometry.padding) or is_asked else []
        when = "planned" if item.status == "planned" else f"{item.seconds * 1000:.0f} ms"
        method = f"{item.program.method}, " * (item.program.method != "none")
        return f"{', '.join(words)}; {method}{when}"

    def summary(self, counts: "Counter[str]", aside: "Counter[tuple[str, str]]", is_batch: bool) -> None:
        """A last line, where there were many or might have been. aside: what was left alone, in words for one, many."""
        if self.quiet or not self.is_stdout_free or (counts.total() < 2 and not is_batch):
            return
        others = [f"{counts[status]} {status}" for status in ("planned", "skipped", "failed") if counts[status]]
        left = ", ".join(f"{count} {what[count > 1]}" for what, count in sorted(aside.items()))
        click.echo(", ".join([f"{counts['written']} written", *others]) + f"; left aside: {left}" * bool(left))

    def interrupted(self, counts: "Counter[str]", total: int) -> None:
        """How far a run came that a signal ended."""
        if total > 1:
            failed = f", {counts['failed']} failed" * bool(counts["failed"])
            click.echo(f"convcli: interrupted: {counts['written']} of {total} written{failed}", err=True)


def _spelled(shape: tuple[int, int, int], mode: str) -> str:
    """Height and width; a grid's mode does not say its channels, so they follow where there are several."""
    return "x".join(map(str, shape if mode == "grid" and shape[2] > 1 else shape[:2]))


class Ledger:
    """The items of a run; on the way out the report is written, however the run ended.

    Only what a report shows is kept, and only where one is wanted.
    taken: the inputs and outputs, none of which may be the report. replaces: an old report may be replaced.
    """

    def __init__(self, name: str | None, kind: str | None, taken: list[str], replaces: bool):
        self.items = report.Log()
        self.counts: Counter[str] = Counter()
        self.is_fatal = self.has_bug = False
        self.name, self.began, self.replaces = name, perf_counter(), replaces
        self.kind = kind or ("lines" if name == "-" else name and report.kind_of(name))
        if name and name != "-":
            if os.path.realpath(name) in {os.path.realpath(other) for other in taken}:
                raise ConvError(f"{printable(name)}: is an input or a result (give the report another name)")
            files.check_output(Path(name), replaces)

    def __enter__(self) -> "Ledger":
        return self

    def add(self, item: Item) -> None:
        """One item more."""
        self.counts[item.status] += 1
        self.is_fatal |= item.is_fatal
        self.has_bug |= item.bug is not None
        if self.name:
            self.items.add(item.as_dict())

    def __exit__(self, *error) -> None:
        if not self.name:
            return
        text = report.render(self.items, self.counts, perf_counter() - self.began, self.kind)
        if self.name == "-":
            for piece in text:
                click.echo(piece, nl=False)
        else:
            pieces = (piece.encode() for piece in text)
            files.write_atomic(Path(self.name), lambda stream: stream.writelines(pieces), self.replaces)
