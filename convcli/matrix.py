"""Matrices in the spellings that people and other programs use, in an argument or in a file, and back to text.

Inline: `1 0 -1; 2 0 -2`, `[[1, 0, -1], [2, 0, -2]]` and ImageMagick's `3x2+1+0: 1,0,-1 2,0,-2`.
Files: .txt .csv .tsv, .json, the .mat of libvips, NumPy's .npy, and a layer of a network in its .npz.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from convcli import checks, smallfile
from convcli.checks import nested, ragged
from convcli.errors import ConvError, FilterError, printable
from convcli.words import integer, number

if TYPE_CHECKING:  # numpy comes with the first matrix, not with a list of names
    from convcli.filters import Kernel

__all__ = [
    "PICTURES",
    "SUFFIXES",
    "is_matrix",
    "parse",
    "read",
    "read_text",
    "spell",
    "spell_scale",
    "to_csv",
    "to_text",
    "to_toml",
]

SUFFIXES = (".txt", ".csv", ".tsv", ".json", ".mat", ".npy", ".npz")
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".avif", ".jp2", ".ico")
MAX_TEXT, MAX_ARRAY = 1_000_000, 64_000_000  # bytes of a file

_JSON = {
    "weights": checks.nested,
    "scale": checks.number,
    "anchor": lambda value, what: None if value is None else checks.anchor(value, what),
    "title": checks.note,
    "source": checks.note,
}
_IMAGEMAGICK = re.compile(r"\s*([0-9]+)x([0-9]+)(?:\+([0-9]+)\+([0-9]+))?\s*:(.*)", re.DOTALL)
# What begins like a number is meant as a matrix, so that a mistyped one is answered as such: −1, 0x10, nan.
_BEGINS_AS_NUMBER = re.compile(r"[-+−]?(?:\.?\d[\w.+/-]*|nan|inf)(?=[\s,;]|$)", re.IGNORECASE)


def is_matrix(text: str) -> bool:
    """True where the text is meant as a matrix, well spelled or not; a name or a path is not.

    >>> [is_matrix(text) for text in ("1 0 -1", "[[1]]", "3x1: 1 0 1", "box:3", "3.txt", "max-pool:2x2")]
    [True, True, True, False, False, False]
    """
    text = text.strip()
    if text.lower().endswith((".toml", *SUFFIXES, *PICTURES)):
        return False
    return bool(text.startswith("[") or _IMAGEMAGICK.match(text) or _BEGINS_AS_NUMBER.match(text))


def parse(text: str, what: str = "matrix") -> "Kernel":
    """The kernel that a matrix in an argument spells.

    >>> parse("1 0 -1; 2 0 -2").taps, parse("[[1, 0], [0, 1/2]]").sum, parse("2x1+1+0: 1,-1").anchor
    ((2, 3), 1.5, (0, 1))
    """
    if match := _IMAGEMAGICK.fullmatch(text):
        return _imagemagick(match, what)
    if text.strip().startswith("["):
        quoted = re.sub(r'[^\s\[\],"]+', r'"\g<0>"', text)  # fractions and signs are then ours to read, not JSON's
        return _kernel(nested(_json(quoted, what), what), what)
    return _kernel(_even(_rows(text, what, is_file=False), what), what)


def read(path: Path, layer: int = 1) -> "Kernel":
    """The kernel in a file, by its suffix; a file without one is read as text. layer: of a network, from 1."""
    suffix, name = path.suffix.lower(), printable(path)
    if suffix in PICTURES:
        raise FilterError(f"{name}: is a picture, not a kernel (the filter comes first: convcli apply FILTER IMAGE)")
    if suffix and suffix not in SUFFIXES:
        raise FilterError(f"{name}: no kind of kernel file ends in {printable(suffix)} (.toml {' '.join(SUFFIXES)})")
    if suffix == ".npy":
        data = smallfile.read(path, MAX_ARRAY, "a kernel")
        try:
            from convcli import npy  # late, as what it stands on is for archives

            array = npy.parse(data)
        except FilterError as error:
            raise error.at(name) from None
        return _kernel(array, name)
    if suffix == ".npz":
        from convcli import netfile

        return _kernel(netfile.bank(path, layer), name, title=f"layer {layer} of a network")
    text = read_text(path)
    if suffix == ".json":
        return _from_json(_json(text, name), name)
    rows = _rows(text, name, row_end="\n" if suffix == ".csv" else ";")
    return _from_libvips(rows, name) if suffix == ".mat" else _kernel(_even(rows, name), name)


def read_text(path: Path) -> str:
    """The text of a small UTF-8 file, without byte order mark, its lines ended by `\\n`."""
    data, name = smallfile.read(path, MAX_TEXT, "a kernel"), printable(path)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FilterError(f"{name}: is UTF-16 text (save it as UTF-8)")
    if b"\0" in data:
        raise FilterError(f"{name}: is not text, it holds zero bytes")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FilterError(f"{name}:{line}: is not UTF-8 text") from None


def spell(value: float) -> str:
    """The shortest text that reads back as the same number; whole numbers have no point.

    >>> spell(-2.0), spell(0.1)
    ('-2', '0.1')
    """
    return str(int(value)) if abs(value) < 1e15 and value == int(value) else repr(float(value))


def spell_scale(value: float) -> str:
    """A factor as text, the reciprocal of a whole number as a fraction.

    >>> spell_scale(1 / 9), spell_scale(0.3)
    ('1/9', '0.3')
    """
    under = round(1 / value) if abs(value) > 1e-9 else 0
    return f"1/{under}" if abs(under) > 1 and 1 / under == value else spell(value)


def to_text(kernel: "Kernel", separator: str = " ") -> str:
    """The effective weights of one matrix, a row a line. Raises FilterError where there are planes."""
    if kernel.planes is not None:
        raise FilterError(f"a text holds one matrix, this kernel has shape {kernel.matrix.shape} (use toml or npy)")
    rows = [separator.join(spell(weight) for weight in row) for row in kernel.weights]
    if not _is_centred(kernel):
        rows.insert(0, f"# --anchor {kernel.anchor[0]},{kernel.anchor[1]}")
    return "\n".join(rows) + "\n"


def to_csv(kernel: "Kernel") -> str:
    """The effective weights with commas between them, as `to_text`."""
    return to_text(kernel, ",")


def to_toml(kernel: "Kernel", title: str, source: str, **more: str) -> str:
    """A kernel file; `more` are further keys that hold text, such as `input` and `range`."""
    import json

    parts = {"title": title, "source": source, **more}
    lines = [f"{key} = {json.dumps(printable(text), ensure_ascii=False)}" for key, text in parts.items()]
    lines.append(f"weights = {_listed(kernel.matrix.tolist())}")
    if kernel.scale != 1:
        lines.append(f'scale = "{spell_scale(kernel.scale)}"')
    if kernel.labels:
        lines.append(f"maps = {json.dumps(kernel.labels, ensure_ascii=False)}")
    if not _is_centred(kernel):
        lines.append(f"anchor = [{kernel.anchor[0]}, {kernel.anchor[1]}]")
    return "\n".join(lines) + "\n"


def _listed(value, indent: str = "") -> str:
    if isinstance(value[0], float):
        return f"[{', '.join(spell(number_) for number_ in value)}]"
    parts = "".join(f"{indent}  {_listed(part, indent + '  ')},\n" for part in value)
    return f"[\n{parts}{indent}]"


def _is_centred(kernel: "Kernel") -> bool:
    return kernel.anchor == tuple((k - 1) // 2 for k in kernel.taps)


def _kernel(matrix, what: str, **parts) -> "Kernel":
    from convcli.filters import Kernel

    try:
        return Kernel(matrix, **parts)
    except ConvError as error:
        raise error.at(what) from None


def _imagemagick(match: re.Match, what: str) -> "Kernel":
    """Width by height and anchor, x before y; `nan` and `-` stand for taps that are left out."""
    width, height, x, y = (integer(part, what) if part else None for part in match.groups()[:4])
    cells = match[5].replace(",", " ").split()
    if len(cells) != width * height or not cells:
        raise FilterError(f"{what}: {width}x{height} wants {width * height} values, {len(cells)} are given")
    taps = [0.0 if c.lower() in ("nan", "-") else _cell(c, f"{what}: value {n}") for n, c in enumerate(cells, 1)]
    rows = [taps[start : start + width] for start in range(0, len(taps), width)]
    return _kernel(rows, what, anchor=None if x is None else (y, x))


def _rows(text: str, name: str, row_end: str = ";", is_file: bool = True) -> list[list[float]]:
    """Rows of numbers, of whatever length; `#` begins a comment, and rows without anything are passed over."""
    rows = []
    for line, content in enumerate(text.split("\n"), 1):
        for part in re.finditer(f"[^{row_end}]+", content.partition("#")[0]):
            if part[0].strip(" \t"):
                row = []
                for column, (at, cell) in enumerate(_split(part[0]), 1):
                    place = f"{line}:{part.start() + at + 1}" if is_file else f" row {len(rows) + 1}, column {column}"
                    row.append(_cell(cell, f"{name}:{place}"))
                rows.append(row)
    if not rows:
        raise FilterError(f"{name}: holds no numbers")
    return rows


def _split(row: str) -> list[tuple[int, str]]:
    """Offset and text of each number of a row.

    Commas separate, unless blanks alone do so elsewhere in the row: in `0,5 0,25` they are decimal, to be refused.
    """
    by_blanks = re.search(r"[^ \t,][ \t]+[^ \t,]", row)
    gap = r"[ \t]*,[ \t]+|[ \t]+,?[ \t]*" if by_blanks else r"[ \t]*,[ \t]*"
    at, cells = len(row) - len(row.lstrip(" \t")), []
    for index, part in enumerate(re.split(f"({gap})", row.strip(" \t"))):
        if index % 2 == 0:  # every second part is a gap
            cells.append((at, part))
        at += len(part)
    return cells


def _cell(text: str, place: str) -> float:
    if not text.isascii():
        raise FilterError(f'{place}: "{printable(text)}" is not a number (plain digits, points and - signs only)')
    return number(printable(text if len(text) < 60 else f"{text[:20]}..."), place)


def _even(rows: list[list[float]], what: str) -> list[list[float]]:
    """The rows again, which have to be of one length."""
    for n, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise ragged(f"{what}: row {n}", len(row), "row", len(rows[0]))
    return rows


def _json(text: str, name: str):
    """The value of a JSON text, without JSON's two traps: NaN, and keys given twice."""
    import json

    def refuse(constant: str):
        raise FilterError(f"{name}: {constant} is not a number that can be used")

    def once(pairs: list[tuple]) -> dict:
        value = dict(pairs)
        if len(value) < len(pairs):
            raise FilterError(f"{name}: a key is given twice (keys: {printable(', '.join(key for key, _ in pairs))})")
        return value

    try:
        return json.loads(text, parse_constant=refuse, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise FilterError(f"{name}:{error.lineno}:{error.colno}: {error.msg[:1].lower()}{error.msg[1:]}") from None
    except ValueError:  # an integer of thousands of digits
        raise FilterError(f"{name}: a number is out of range") from None
    except RecursionError:
        raise FilterError(f"{name}: lists are nested too deep") from None


def _from_json(value, name: str) -> "Kernel":
    """Nested lists, or an object that holds them as `weights`."""
    if not isinstance(value, dict):
        return _kernel(nested(value, name), name)
    parts = checks.read(value, _JSON, ("weights",), f"{name}: ")
    return _kernel(parts.pop("weights"), name, **parts)


def _from_libvips(rows: list[list[float]], name: str) -> "Kernel":
    """A first line of `width height [scale [offset]]`, and rows to be divided by the scale."""
    header, body = rows[0], rows[1:]
    if not 2 <= len(header) <= 4:
        raise FilterError(f"{name}: the first line has {len(header)} values, wanted width, height, scale and offset")
    width, height, scale, offset = header + [1.0, 0.0][len(header) - 2 :]
    if scale == 0:
        raise FilterError(f"{name}: the scale is 0, and the weights are divided by it")
    if offset:
        raise FilterError(f"{name}: the offset is no part of a kernel (make it 0 and use --bias {spell(offset)})")
    if len(body) != height or len(_even(body, name)[0]) != width:
        raise FilterError(f"{name}: the first line says {width:g} wide and {height:g} high, and the rows are not so")
    return _kernel(body, name, scale=1 / scale)
