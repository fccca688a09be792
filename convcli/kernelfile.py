"""Kernel files: TOML text -> Definition, with every check and its message."""

import re
import tomllib
from collections.abc import Iterable

from convcli import checks, variants
from convcli.definition import WINDOW_WORDS, Definition, Draft, Parameter
from convcli.errors import ConvError, FilterError, printable
from convcli.formula import FUNCTIONS, Formula

__all__ = ["parse"]

MAX_STEPS, MAX_PARAMS = 64, 64

_FORMS = {  # the first keys are needed, the others may be there
    "weights": (("weights",), ()),
    "column": (("column", "row"), ()),
    "formula": (("formula",), ("radius", "size")),
    "plane": (("plane",), ()),
    "step": (("step",), ("result",)),
}
_FORM_OF = {key: form for form, (needed, others) in _FORMS.items() for key in needed + others}
_TAPS = ("x", "y", "delta")
_TAKEN = {*FUNCTIONS, *_TAPS, "pi", "image", "white"}
_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,31}"


def parse(text: str, name: str, place: object = None) -> Definition:
    """The definition in the text of a kernel file. Errors begin with `place`, by default the name with `.toml`."""
    try:
        return _definition(_toml(text), name)
    except ConvError as error:
        line = "" if str(error).startswith(":") else ": "  # a fault of the syntax begins with :LINE:COLUMN
        raise FilterError(f"{printable(place or name + '.toml')}{line}{error}") from None


def _toml(text: str) -> dict:
    # A key of n parts costs tomllib n * n steps, and a number some microseconds; with strings and comments set aside
    # dots and commas can be counted.
    bare = re.sub(r"""\"(?:\\.|[^"\\\n])*+"?|'[^'\n]*+'?|#[^\n]*+""", "s", text)
    if re.search(r"(?:\.[ \t]*+[\w-]*+[ \t]*+){20}", bare):
        raise FilterError("a key has more than 20 parts")
    if max(part.count(",") for part in re.split(r"[][]", bare)) > checks.MAX_SIDE:
        raise FilterError(f"a list has too many values (at most {checks.MAX_SIDE} taps on a side)")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, _, place = str(error).rstrip(")").partition(" (at ")
        at = "".join(f":{n}" for n in re.findall("[0-9]+", place))
        raise FilterError(f"{at}{': ' * bool(at)}{message[:1].lower()}{message[1:]}") from None
    except ValueError:  # an integer of thousands of digits
        raise FilterError("a number is out of range") from None
    except RecursionError:
        raise FilterError("lists or tables are nested too deep") from None


def _definition(table: dict, name: str) -> Definition:
    known = checks.read(table, _FILE, ("title", "source"))
    tables = known.pop("params", {})
    if len(tables) > MAX_PARAMS:
        raise FilterError(f"{len(tables)} parameters are too many (at most {MAX_PARAMS})")
    params = {key: _parameter(key, value) for key, value in tables.items()}
    form = _form([key for key in table if key in _FORM_OF])
    parts = {key: known.pop(key) for key in table if key in _FORM_OF}
    if form == "step":
        for key in ("scale", "sum", "anchor", "maps"):
            if key in known:
                raise FilterError(f"{key} does not go with [[step]]")
        parts = _composite(parts["step"], parts.get("result"), params)
    elif form == "formula":
        key = "radius" if "radius" in parts else "size"
        formula = Formula.parse(parts["formula"], (*_TAPS, *params), "formula")
        parts = {"formula": formula, "sides": tuple(Formula.parse(text, params, key) for text in parts[key])}
    elif form == "column":
        parts = {"rows": [[over * along for along in parts["row"]] for over in parts["column"]]}
    else:
        parts = {"rows": parts["weights"] if form == "weights" else _planes(parts["plane"])}
    return Definition(name, **known, **parts, params=params)


def _form(keys: list[str]) -> str:
    """Which of the five forms these keys make: one, and whole."""
    forms = {_FORM_OF[key] for key in keys}
    if not forms:
        raise FilterError("no weights (wanted weights, column and row, formula and radius, [[plane]] or [[step]])")
    if len(forms) > 1:
        raise FilterError(f"{' and '.join(keys)} do not go together (one form in a file)")
    form = forms.pop()
    for key in _FORMS[form][0]:
        if key not in keys:
            raise FilterError(f"{keys[0]} also needs {key}")
    if form == "formula" and ("radius" in keys) == ("size" in keys):
        raise FilterError("formula needs one of radius and size")
    return form


def _parameter(name: str, table: dict) -> Parameter:
    if not re.fullmatch(_NAME, name) or name in _TAKEN or name in WINDOW_WORDS:
        reason = "means something already" if re.fullmatch(_NAME, name) else "is no name (letters, digits and _)"
        raise FilterError(f"params: {printable(name)} {reason}")
    parameter = Parameter(name, **checks.read(table, _PARAMETER, ("default",), f"params.{name}: "))
    try:
        parameter.check(parameter.default)
    except FilterError as error:
        raise error.at(f"params.{name}: default") from None
    return parameter


def _planes(tables: list[dict]) -> list:
    names = [table["of"] for table in tables]
    if names not in (["r", "g", "b"], [str(n) for n in range(len(tables))]):
        raise FilterError("plane: the planes are of r, g, b in this order, or of 0, 1, ... for other channels")
    return checks.nested([table["weights"] for table in tables], "plane")


def _composite(tables: list[dict], result: str | None, params: dict[str, Parameter]) -> dict:
    """The steps of a composite and its result; each formula may use the steps before it, and the parameters."""
    if len(tables) > MAX_STEPS:
        raise FilterError(f"{len(tables)} steps are too many (at most {MAX_STEPS})")
    drafts, known = [], ["image", "white", *params]
    for table in tables:
        name = table["name"]
        if not re.fullmatch(_NAME, name) or name in _TAKEN or name in known:
            raise FilterError(f'step: the name "{printable(name)}" cannot be used, or is used already')
        of = _over_pictures(table.get("of", "image"), known, f"step {name}: of")
        drafts.append(Draft(name, *_expression(table["kernel"], params, f"step {name}: kernel"), of))
        known.append(name)
    return {"steps": tuple(drafts), "result": result and _over_pictures(result, known, "result")}


def _expression(text: str, params: Iterable[str], what: str) -> tuple[str, tuple[tuple[str, Formula], ...], str]:
    """The name, parameters and variants of a filter expression; one without a name and a colon stays whole."""
    bare, changes = variants.divide(text, is_formula=True)
    match = re.fullmatch(r"\s*([A-Za-z][\w.+-]*)\s*:(.*)", bare, re.DOTALL)
    if not match:
        return text.strip(), (), ""
    args, begin, depth = [], 0, 0
    for at, sign in enumerate(f"{match[2]},"):
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth <= 0:
            key, value = re.fullmatch(r"\s*(?:([A-Za-z_]\w*)\s*=(?!=))?(.*)", match[2][begin:at], re.DOTALL).groups()
            args.append((key or "", Formula.parse(value, params, what)))
            begin = at + 1
    if begin <= len(match[2]):  # a bracket stays open, and the formula says so
        args.append(("", Formula.parse(match[2][begin:], params, what)))
    return match[1], tuple(args), "".join(map(str, changes))


def _over_pictures(text: str, names: Iterable[str], what: str) -> str:
    """A formula over pictures, checked. It sees a few rows at a time, so what sums over all of them is refused."""
    formula = Formula.parse(text, names, what)
    if formula.calls & {"unit", "zero"}:
        raise FilterError(f"{what}: unit and zero are for the weights of one kernel, not for pictures")
    return formula.text


_PARAMETER = {
    "default": checks.number,
    "min": checks.number,
    "max": checks.number,
    "unit": checks.note,
    "help": checks.note,
}
_FILE = {
    "title": checks.text,
    "source": checks.text,
    "weights": checks.nested,
    "column": checks.vector,
    "row": checks.vector,
    "formula": checks.text,
    "radius": checks.sides,
    "size": checks.sides,
    "plane": checks.tables({"of": checks.text, "weights": checks.matrix}, "of", "weights"),
    "step": checks.tables({"name": checks.text, "kernel": checks.text, "of": checks.text}, "name", "kernel"),
    "result": checks.text,
    "scale": checks.number,
    "sum": checks.sums,
    "maps": checks.texts,
    "anchor": checks.anchor,
    "input": checks.one_of("each", "gray", "rgb"),
    "range": checks.one_of("clip", "abs", "offset", "stretch", "none"),
    "tags": checks.texts,
    "params": checks.named_tables,
}
