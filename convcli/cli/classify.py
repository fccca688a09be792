"""`convcli classify`."""

import json
import math
from collections import Counter
from pathlib import Path

import click

from convcli.errors import ConvError, InputError, printable

WIDTH = 40  # of the column of names, where they fit


@click.command("classify")
@click.argument("net", metavar="NET")
@click.argument("names", metavar="IMAGE...", nargs=-1, required=True)
@click.option("-r", "--recursive", is_flag=True, help="Folders with the folders in them.")
@click.option("--csv", "as_csv", is_flag=True, help="A row for each picture, a column for each class.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Print the class alone.")
def command(net, names, recursive, as_csv, as_json, quiet):
    """Say which class pictures belong to.

    NET is a network that `convcli learn --classes` wrote. IMAGE is a picture of the size it learned from, a folder of
    such pictures, or - for standard input.

    \b
    Examples:
      convcli classify digits.npz three.png
      convcli classify digits.npz three.png seven.png --csv
      convcli classify digits.npz digits/ -r --csv
    """
    if sum((as_csv, as_json, quiet)) > 1:
        raise click.UsageError("--csv, --json and -q exclude each other")

    from convcli import album, inputs, naming, netfile, raster, training

    network = netfile.read(Path(net))
    found = inputs.find(names, inputs.Choice(recursive), None, is_written=False).inputs
    width = min(WIDTH, max(len(printable(name)) for name, _, _ in found))
    if as_csv:
        _row(["input", "class", "probability", *network.classes])
    items, counts = [], Counter()
    for name, _, fault in found:
        try:
            if fault:
                raise InputError(fault)
            picture = raster.read(naming.source(name, raster.room(raster.MAX_PIXELS)))
            chances = training.classify(network, album.plane(picture)[None])[0]
        except ConvError as error:
            message = naming.placed(error, name)
            click.echo(f"convcli: {message}", err=True)
            counts[None] += 1
            items.append({"input": name, "status": "failed", "message": message})
            continue
        best = int(chances.argmax())
        label, chance = network.classes[best], float(chances[best])
        counts[label] += 1
        if as_json:
            each = dict(zip(network.classes, map(float, chances), strict=True))
            told = {"class": label, "probability": chance, "probabilities": each, "message": None}
            items.append({"input": name, "status": "classified", **told})
        elif as_csv:
            _row([name, label, f"{chance:.6f}", *(f"{one:.6f}" for one in chances)])
        elif quiet:
            click.echo(printable(label))
        else:
            click.echo(f"{printable(name):{width}}  {printable(label)}  {math.floor(1000 * chance) / 10} %")
    if as_json:
        click.echo(json.dumps({"network": net, "classes": network.classes, "items": items}, indent=1))
    elif len(found) > 1 and not (as_csv or quiet):
        told = [f"{counts[label]} as {printable(label)}" for label in network.classes if counts[label]]
        told += [f"{counts[None]} failed"] if counts[None] else []
        click.echo(", ".join(told))
    return 1 if counts[None] else 0


def _row(cells: list) -> None:
    """A row of CSV on standard output."""
    import csv
    import io

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    click.echo(text.getvalue(), nl=False)
