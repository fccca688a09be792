"""`convcli learn --classes`: a network that tells the pictures of some folders apart."""

import json
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import click

from convcli.cli.options import COUNT, NUMBER, Words
from convcli.cli.progress import Line, is_terminal
from convcli.errors import ConvError, printable
from convcli.words import integer

if TYPE_CHECKING:
    from convcli.album import Album
    from convcli.training import Epoch, Lesson

__all__ = ["NAMES", "options", "refuse_alone", "run"]

# the options that --classes takes; what else `learn` has is for pairs of pictures
NAMES = ("folder", "held_out", "epochs", "batch", "rate", "seed")
SHARED = ("output", "force", "as_json", "quiet", "verbose")
TOLD, WIDTH = 10, 80  # unreadable pictures with a line each, columns of the page
MOST_EPOCHS = 100_000
SEED = Words("seed", lambda text, what: integer(text, what, 0))


def options(command):
    """A decorator: the options of `learn` that go with --classes."""
    for option in (
        click.option("--seed", type=SEED, default="0", metavar="N", help="Of chance; one seed, one network.  [0]"),
        click.option("--rate", type=NUMBER, default="0.01", metavar="R", help="Size of the steps, at most.  [0.01]"),
        click.option("--batch", type=COUNT, default="64", metavar="N", help="Pictures for each step.  [64]"),
        click.option("--epochs", type=COUNT, metavar="N", help="Passes over the pictures.  [8 to 60, by their number]"),
        click.option("--held-out", type=NUMBER, default="0.2", metavar="S", help="Share to judge by.  [0.2]"),
        click.option("--classes", "folder", metavar="FOLDER", help="Learn from its sub-folders, one for each class."),
    ):
        command = option(command)
    return command


def run(asked: dict) -> int:
    """The exit code of `convcli learn --classes FOLDER`, from its options; the network is in its file."""
    _refuse_others()
    if not 0 <= asked["held_out"] < 1:
        raise ConvError(f"held-out is {asked['held_out']:g}, wanted a share from 0 to less than 1")
    if not 0 < asked["rate"] <= 1000:
        raise ConvError(f"rate is {asked['rate']:g}, wanted more than 0 and at most 1000")
    if asked["epochs"] and asked["epochs"] > MOST_EPOCHS:
        raise ConvError(f"epochs are {asked['epochs']}, wanted at most {MOST_EPOCHS}")
    folder = Path(asked["folder"])
    output = Path(asked["output"] or f"{folder.resolve()}.npz")
    if output.suffix.lower() != ".npz":
        raise ConvError(f"{printable(output)}: a network goes into a file that ends in .npz")

    from convcli import album, files, netfile, training

    files.check_output(output, asked["force"])
    talk = _Talk(asked["quiet"] or asked["as_json"])
    try:
        pictures = album.read(folder, talk.unreadable, talk.reading)
        talk.album(pictures, folder)
        plan = training.Plan(**{name: asked[name] for name in NAMES if name != "folder"})
        lesson = training.learn(pictures, plan, talk.step, talk.epoch)
    finally:
        talk.line.clear()
    files.write_bytes(output, netfile.encode(lesson.network), asked["force"])
    if asked["as_json"]:
        click.echo(json.dumps(_record(lesson, pictures, output), indent=1))
    elif not asked["quiet"]:
        click.echo("\n".join(_page(lesson, output)))
    return 1 if pictures.skipped else 0


def _refuse_others() -> None:
    """Raises UsageError for options and arguments that are for pairs of pictures."""
    context = click.get_current_context()
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name)
        if parameter.name in (*NAMES, *SHARED) or source != click.core.ParameterSource.COMMANDLINE:
            continue
        if isinstance(parameter, click.Argument):
            raise click.UsageError("--classes takes its pictures from the folder, and no other arguments")
        raise click.UsageError(f"{parameter.opts[0]} does not go with --classes")


def refuse_alone() -> None:
    """Raises UsageError for options that go with --classes, where that is not given."""
    context = click.get_current_context()
    for parameter in context.command.params:
        if (
            parameter.name in NAMES
            and context.get_parameter_source(parameter.name) == click.core.ParameterSource.COMMANDLINE
        ):
            raise click.UsageError(f"{parameter.opts[0]} goes with --classes FOLDER")


class _Talk:
    """What is said while it learns: a line for each epoch, and a bar where standard error is a terminal."""

    def __init__(self, quiet: bool):
        self.quiet, self.unread, self.drawn = quiet, 0, 0.0
        self.line = Line(not quiet and is_terminal())

    def unreadable(self, message: str) -> None:
        """A picture that is left out."""
        self.unread += 1
        self.line.clear()
        if self.unread <= TOLD:
            click.echo(f"convcli: {message}", err=True)

    def reading(self, done: int, total: int) -> None:
        """How far the reading of the pictures is."""
        self._draw(done, total, f"reading  {done}/{total}")

    def album(self, album: "Album", folder: Path) -> None:
        """What there is to learn from."""
        self.line.clear()
        if self.unread > TOLD:
            click.echo(f"convcli: {printable(folder)}: {self.unread} pictures could not be read", err=True)
        if self.quiet:
            return
        counts = [int((album.labels == n).sum()) for n in range(len(album.classes))]
        listed = ", ".join(f"{printable(name)} ({count})" for name, count in zip(album.classes, counts, strict=True))
        high, wide = album.pictures.shape[1:]
        click.echo(
            click.wrap_text(f"{len(album.labels)} pictures of {high}x{wide}: {listed}", WIDTH, subsequent_indent="  ")
        )
        click.secho("\nepoch     loss  right   held-out loss  right", bold=True)

    def step(self, number: int, count: int, share: float, loss: float, right: float) -> None:
        """How far an epoch is."""
        words = f"epoch {number}/{count}  loss {loss:.4f}  right {100 * right:.1f} %"
        self._draw(number - 1 + share, count, words)

    def epoch(self, epoch: "Epoch") -> None:
        """An epoch, as soon as it is over."""
        if self.quiet:
            return
        self.line.clear()
        line = f"{epoch.number:5}  {epoch.loss:7.4f}  {_percent(epoch.accuracy):>5}"
        if epoch.held_loss is not None:
            line += f"        {epoch.held_loss:7.4f}  {_percent(epoch.held_accuracy):>5}"
        click.echo(line)

    def _draw(self, done: float, total: int, words: str) -> None:
        """The bar, ten times a second at the most."""
        if not self.line.is_there or perf_counter() - self.drawn > 0.1:
            self.drawn = perf_counter()
            self.line.draw(done, total, words)


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"[:5].rstrip(".")


def _page(lesson: "Lesson", output: Path) -> list[str]:
    """The report for people."""
    from convcli import network
    from convcli.cli import sizes
    from convcli.stack import stack

    net = lesson.network
    report = stack((1, *net.size), network.layers(net))
    total, right = int(lesson.confusion.sum()), int(lesson.confusion.trace())
    what = "held-out pictures" if lesson.held_out else "the pictures it learned from (none were held out)"
    lines = [
        "",
        sizes.table(report),
        "",
        f"{report.parameters:,} parameters, {report.macs:,} multiply-adds for a picture",
        "",
    ]
    lines += [f"{_percent(right / total)} % right: {right} of {total} {what}", ""]
    most = int(lesson.confusion.sum(axis=1).argmax())
    if right <= lesson.confusion[most].sum():
        doubt = f"always saying {printable(net.classes[most])} would be right as often (more pictures, more --epochs or"
        lines += [click.style(click.wrap_text(f"{doubt} another --rate or --seed may help)", WIDTH), fg="yellow"), ""]
    return [*lines, *_confusion(lesson), "", f"written to {printable(output)}"]


def _confusion(lesson: "Lesson") -> list[str]:
    """What was taken for what, a row for each true class; of many classes the mistakes alone."""
    names = [printable(name) for name in lesson.network.classes]
    counts = lesson.confusion.tolist()
    widths = [max(len(name), *(len(str(row[n])) for row in counts)) for n, name in enumerate(names)]
    left = max(map(len, names))
    if left + sum(widths) + 2 * len(widths) + 6 > WIDTH:
        wrong = [
            (row[n], a, b)
            for a, row in zip(names, counts, strict=True)
            for n, b in enumerate(names)
            if a != b and row[n]
        ]
        lines = [f"{count} {one} taken for {other}" for count, one, other in sorted(wrong, reverse=True)[:TOLD]]
        return [click.wrap_text(line, WIDTH, subsequent_indent="  ") for line in lines] or ["nothing taken for another"]
    head = "  ".join(f"{name:>{width}}" for name, width in zip(names, widths, strict=True))
    lines = [click.style(f"{'taken for':>{max(left, 9)}}  {head}", bold=True)]
    for name, row in zip(names, counts, strict=True):
        cells = "  ".join(f"{count:>{width}}" for count, width in zip(row, widths, strict=True))
        lines.append(f"{name:>{max(left, 9)}}  {cells}")
    return lines


def _record(lesson: "Lesson", album: "Album", output: Path) -> dict:
    """The report as JSON has it."""
    from convcli import network
    from convcli.stack import stack

    net = lesson.network
    return {
        "output": str(output),
        "classes": list(net.classes),
        "size": list(net.size),
        "pictures": {name: int((album.labels == n).sum()) for n, name in enumerate(net.classes)},
        "skipped": album.skipped,
        "learned": lesson.learned,
        "held_out": lesson.held_out,
        "accuracy": lesson.accuracy,
        "confusion": lesson.confusion.tolist(),
        "epochs": [epoch._asdict() for epoch in lesson.epochs],
        "network": stack((1, *net.size), network.layers(net)).as_dict(),
    }
