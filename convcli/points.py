"""Tables of points: CSV, JSON and plain text, the same columns in the same order everywhere.

The columns are x, y, response, and behind them the picture's name where there are several: what counts columns from the
left finds the same ones in either case.
"""

from typing import TYPE_CHECKING

from convcli.errors import ConvError, printable

if TYPE_CHECKING:
    import numpy as np

__all__ = ["kind_of", "lines", "table"]

KINDS = ("csv", "json")


def kind_of(name: str) -> str:
    """The kind of a file of points by its name.

    >>> kind_of("a/b.CSV")
    'csv'
    """
    kind = name.rpartition(".")[2].lower()
    if kind not in KINDS:
        raise ConvError(f"{printable(name)}: a file of points is .csv or .json")
    return kind


def table(found: list[tuple[str, "np.ndarray"]], kind: str, has_names: bool) -> str:
    """The points of several pictures, each given with its name, as the text of one file.

    x and y to a thousandth of a pixel, responses to six digits. JSON is a list of flat objects.
    """
    rows = [
        (round(x, 3), round(y, 3), float(f"{response:.6g}"), *([printable(name)] if has_names else []))
        for name, points in found
        for x, y, response in points.tolist()
    ]
    names = ("x", "y", "response", "image")[: 3 + has_names]
    if kind == "json":
        import json

        objects = ",\n ".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows)
        return f"[{objects}]\n"
    import csv
    from io import StringIO

    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows([names, *rows])
    return text.getvalue()


def lines(points: "np.ndarray", name: str | None, has_head: bool) -> str:
    """The points of one picture for the eye and for `cut`: columns of one width, spaces between them.

    name: the last column, where there is to be one. has_head: a line that names the columns comes first.
    """
    tail = "" if name is None else f"  {printable(name)}"
    rows = [f"{x:9.2f} {y:9.2f}  {response:<10.4g}{tail}".rstrip() for x, y, response in points.tolist()]
    if has_head:
        rows.insert(0, f"{'x':>9} {'y':>9}  {'response':<10}{'' if name is None else '  image'}".rstrip())
    return "".join(f"{row}\n" for row in rows)
