"""One picture: from what was asked and what the picture is, to what it becomes.

`prepare` decides everything from the header alone; `run` then touches the pixels.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from convcli import formats, levels
from convcli.errors import ConvError
from convcli.filters import Kernel, Link
from convcli.finish import Finish, Tally
from convcli.geometry import Window
from convcli.graph import Program
from convcli.pipeline import Layout, compile_chain
from convcli.raster import MAX_PIXELS, FormatError, Metadata
from convcli.signal import Signal

if TYPE_CHECKING:
    from convcli.raster import Header, Raster

__all__ = ["Job", "Request", "Result", "clipped", "is_opaque", "kind", "prepare", "run", "samples"]

DTYPES = {"I": "int32", "F": "float32", "grid": "float64"}
NUMBERS = ("NPY", "TXT", "CSV", "TSV", "PFM")  # formats whose samples are plain numbers, not levels


class Request(NamedTuple):
    """What was asked for, the same for every picture.

    format: the format that the output's name or --format asks for, or None for the input's; fallbacks: the formats
    that may stand in for that one. maps: `files`, `montage` or `stack`. measures: a report wants the bounds of the
    sums. max_pixels: the most that any step may give. frames: `all`, `first`, the number of one, or None, as for
    `raster.frames`. linear: filter the light that the levels stand for.
    """

    links: tuple[Link, ...]
    window: Window
    select: str = "each"
    alpha: str = "auto"
    range: str = "auto"
    depth: str = "keep"
    method: str = "auto"
    format: str | None = None
    maps: str = "files"
    fallbacks: tuple[str, ...] = ("PNG", "TIFF", "NPY")
    measures: bool = True
    max_pixels: int = MAX_PIXELS
    frames: str | int | None = None
    linear: bool = False


class Sheet(NamedTuple):
    """The kernels and the two lines of a montage."""

    bank: Kernel | None
    title: str
    fact: str


class Job(NamedTuple):
    """A picture's way through: the compiled chain, the last step, and the format, mode and channels it ends in.

    splits_maps: each feature map is a picture; has_pages: and all of them stand in one file. sheet: what the sheet of
    a montage says and shows, beside the maps. spared: the program over one channel more, which means nothing; None
    where the picture has none, or it would not pass through.
    """

    program: Program
    finish: Finish
    format: str
    mode: str
    channels: int
    splits_maps: bool = False
    has_pages: bool = False
    sheet: Sheet | None = None
    spared: Program | None = None


class Result(NamedTuple):
    """What came of one picture: one Raster, or one for each feature map."""

    rasters: tuple["Raster", ...]
    tally: Tally


def prepare(request: Request, header: "Header | Raster", shape: tuple[int, int, int], is_opaque: bool = False) -> Job:
    """The job for a picture of `shape` (H, W, C). Raises ConvError and its children where it cannot be done.

    is_opaque: its alpha is white everywhere, so that colours alone need to be filtered.
    """
    dtype = DTYPES.get(header.mode, "uint16" if header.mode.endswith(";16") else "uint8")
    letters = _letters(header.mode)
    has_alpha = header.alpha and not is_opaque and request.alpha != "drop"
    channels = shape[2] - (header.alpha and not has_alpha)
    select = request.select
    if header.mode == "grid" and select == "gray" and channels == 1:
        select = "each"
    layout = Layout(letters, has_alpha, header.white, select, request.alpha, request.linear)
    signal = Signal.of((shape[0], shape[1], channels), dtype)
    program = compile_chain(request.links, signal, request.window, layout, request.method)
    for stage in program.stages:
        if stage.size_out[0] * stage.size_out[1] > request.max_pixels:
            size = f"{stage.size_out[0]} x {stage.size_out[1]}"
            raise ConvError(f"{stage.step} would give {size} pixels, over the limit (raise with --max-pixels)")
    kept_alpha = header.alpha and request.alpha != "drop" and bool(program.colours)  # maps have no alpha
    width = program.signal.channels + (kept_alpha and not has_alpha)
    if request.maps == "montage" and not program.colours and (letters or program.signal.channels > 1):
        return _montage(request, header, program, dtype)
    is_maps = bool(letters) and not program.colours
    if is_maps and request.maps == "stack" and request.format is None:
        request = request._replace(format="NPY")
    has_pages = is_maps and request.maps == "stack" and request.format == "TIFF"
    splits = is_maps and (request.maps != "stack" or has_pages) and request.format != "NPY"
    channels_out = 1 if splits else width
    wanted = (request.format,) if request.format else tuple(dict.fromkeys((header.format, *request.fallbacks)))
    finish = _finish(request, header, program, dtype)
    choices = [(form, finish) for form in wanted]
    if request.depth == "keep" and finish.rule != "none" and finish.dtype.startswith("float"):
        # levels of a float picture may become 8 bits where the format asked for holds no floats
        choices += [(form, finish._replace(dtype="uint8", white=255.0)) for form in wanted]
    # fewer colours, as in a GIF, are for who asks for them, and for animations, which nothing else may hold
    fits = formats.can_take if request.format or header.frames > 1 else formats.can_hold
    for form, finish in choices:
        mode = _mode(finish.dtype, channels_out, kept_alpha, program.colours)
        if fits(form, mode, channels_out):
            made = Job(program, finish, form, mode, width, splits, has_pages)
            return made if header.spare is None else made._replace(spared=_spared(request, signal, layout, made))
    finish = choices[0][1]
    mode = _mode(finish.dtype, channels_out, kept_alpha, program.colours)
    raise FormatError(_why_not(wanted[0], finish, channels_out, kept_alpha, mode))


def kind(header: "Header | Raster", shape: tuple[int, int, int], is_opaque: bool = False) -> tuple:
    """Equal for two pictures that `prepare` makes the same job for; what it takes from a picture belongs in here."""
    return shape, header.mode, header.format, header.frames > 1, is_opaque, header.spare is None


def run(job: Job, picture: "Raster", threads: int) -> Result:
    """The filtered picture."""
    if job.spared:
        out, tally = levels.render(job.spared, picture.spare, job.finish._replace(spare=True), threads)
        return Result((replace(picture, pixels=out[:, :, :3], mode=job.mode, spare=out),), tally)
    picture = replace(picture, spare=None)
    out, tally = levels.render(job.program, samples(job, picture), job.finish, threads)
    if job.sheet:
        from convcli import montage  # few want one

        info = Metadata(shown=picture.info.shown, plays=picture.info.plays)  # the sheet is another picture
        return Result((replace(picture, pixels=montage.sheet(out, *job.sheet), mode="RGB", info=info),), tally)
    if "A" in job.mode and not job.program.alpha:  # it was opaque and still is
        opaque = np.full((*out.shape[:2], 1), job.finish.white, out.dtype)
        out = np.concatenate((out, opaque), axis=2)
    maps = [out[:, :, n : n + 1] for n in range(out.shape[2])] if job.splits_maps else [out]
    rasters = tuple(replace(picture, pixels=pixels, mode=job.mode) for pixels in maps)
    return Result(rasters, tally)


def _spared(request: Request, signal: Signal, layout: Layout, job: Job) -> Program | None:
    """The program over four channels where each of three goes its own way and a JPEG comes of it, else None.

    Pillow has pixels of four samples in memory; to take one out and put one in takes longer than to filter it.
    """
    is_each = layout.colours == job.program.colours == "rgb" and layout.select == "each" and not layout.linear
    is_each = is_each and all(link.filter.input == "each" for link in request.links)
    if job.format != "JPEG" or not is_each or not job.finish.is_by_sample:
        return None
    wide = compile_chain(
        request.links, signal.but(channels=4), request.window, layout._replace(colours=""), request.method
    )
    # even so sums that are not whole may be rounded in other places, as products of other widths are
    pairs = zip(wide.stages, job.program.stages, strict=True)
    is_alike = all(
        a.plan is None or (a.plan.method, a.plan.numbers) == (b.plan.method, b.plan.numbers) for a, b in pairs
    )
    return wide if is_alike else None


def samples(job: Job, picture: "Raster") -> np.ndarray:
    """The pixels that the job's program starts from: without alpha where that hides nothing."""
    return picture.pixels[:, :, : job.program.nodes[0].signal.channels]


def clipped(tally: Tally) -> str | None:
    """What was clipped, in words, where it is more than 1 % of the samples."""
    if tally.remedy is None:
        return None
    sides = [(tally.low, "fell below 0"), (tally.high, "rose above white")]
    parts = [f"{100 * count / tally.samples:.1f} % {what}" for count, what in sides if count]
    return f"clipped samples: {' and '.join(parts)} (--range {tally.remedy} keeps them)"


def is_opaque(picture: "Raster") -> bool:
    """True where there is alpha and it hides nothing."""
    return picture.alpha and bool(picture.pixels[:, :, -1].min() == picture.white)


def _letters(mode: str) -> str:
    """Letters of the colour channels of a mode."""
    if mode == "grid":
        return ""
    plain = mode.partition(";")[0].removesuffix("A").lower()
    return "l" if plain in ("i", "f") else plain


def _finish(request: Request, header, program: Program, dtype: str) -> Finish:
    """The last step as the options ask for it."""
    holds_numbers = dtype.startswith("float") or request.format in NUMBERS
    is_float = request.depth == "float" or (request.depth == "keep" and holds_numbers)
    declared = _declared(request.links)
    rule = levels.resolve(request.range, declared, program.is_signed, is_float)
    if rule == "none" and request.depth in ("8", "16"):
        raise ConvError(f"range none gives floats, and depth {request.depth} holds none (leave one of them out)")
    white_in = header.white
    if request.depth in ("8", "16"):
        out, white = {"8": ("uint8", 255.0), "16": ("uint16", 65535.0)}[request.depth]
        white_in = white if header.mode == "grid" else white_in  # a grid's numbers are levels already
    elif rule == "none" or request.depth == "float":
        signal = program.signal
        is_wide = signal.dtype == "float64" or (signal.whole and signal.peak > 2**24)
        is_wide = header.mode == "grid" or (is_wide and request.format in NUMBERS and request.format != "PFM")
        out, white = ("float64" if is_wide else "float32"), white_in
    else:
        out, white = dtype, white_in
    proven = (program.signal.low, program.signal.high)
    floor = -white - 1 if out == "int32" else 0.0  # heights and counts may be below zero
    return Finish(
        rule,
        white_in,
        white,
        out,
        program.alpha,
        proven=proven,
        measures=request.measures,
        signed=program.is_signed,
        floor=floor,
    )


def _montage(request: Request, header, program: Program, dtype: str) -> Job:
    """The job for all maps on one sheet: 8-bit levels by one rule for all of them."""
    from convcli import montage  # few want one

    form = request.format or "PNG"
    if not formats.can_take(form, "RGB", 3):
        able = ", ".join(formats.holders("RGB", 3))
        raise FormatError(f"{form} cannot hold a montage, a picture in colours ({able} can)")
    if request.range == "none" or request.depth in ("16", "float"):
        asked = f"depth {request.depth}" if request.depth in ("16", "float") else "range none"
        raise ConvError(f"a montage is a picture of 8 bits, and {asked} asks for other ones (--maps stack gives them)")
    declared = None if dtype.startswith("float") else _declared(request.links)  # numbers have no white
    rule = (declared or "stretch") if request.range == "auto" else request.range
    count, (height, width, _) = program.signal.channels, program.signal.shape
    filters = [link.filter for link in request.links]
    proven = (program.signal.low, program.signal.high)
    finish = Finish(
        rule, header.white, 255.0, "uint8", proven=proven, measures=request.measures, signed=program.is_signed
    )
    title = " | ".join(filter_.name for filter_ in filters)
    sheet = Sheet(montage.bank_of(filters, count), title, f"{count} maps of {height}x{width}, {rule}")
    return Job(program, finish, form, f"montage of {count} maps", count, sheet=sheet)


def _declared(links: tuple[Link, ...]) -> str | None:
    """What the last file with a word on it says about the range, unless zero-sum weights come after it."""
    for link in reversed(links):
        if link.filter.range:
            return link.filter.range
        if isinstance(link.filter.kernel, Kernel) and link.filter.kernel.is_zero_sum:
            return None
    return None


def _mode(dtype: str, channels: int, alpha: bool, colours: str) -> str:
    if colours == "cmyk" and dtype == "uint8" and channels == 4:
        return "CMYK"
    if dtype == "float64":
        return "grid"
    return formats.mode_of(dtype, channels, alpha)


def _why_not(form: str, finish: Finish, channels: int, alpha: bool, mode: str) -> str:
    """The message for a format that cannot hold the result."""
    able = formats.holders(mode, channels)
    if finish.dtype.startswith("float") and not (channels > 1 and form in NUMBERS):
        what, remedy = "numbers beyond 0..white", f"{', '.join(able)} can, or --range clip, abs, offset or stretch"
    elif alpha and not any("A" in held for held in (*formats.FORMATS[form].modes, *formats.FORMATS[form].rounds)):
        what, remedy = "alpha", "--alpha drop leaves it out"
    else:
        bits = 8 * np.dtype(finish.dtype).itemsize
        what, remedy = (
            f"{channels} channel{'s' * (channels > 1)} of {bits} bits",
            f"{', '.join(able).lower() or 'none'} can",
        )
    return f"{form} cannot hold {what} ({remedy})"
