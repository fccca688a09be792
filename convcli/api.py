"""The commands as functions: arrays in, arrays out, nothing printed.

pixels: (H, W) or (H, W, C), uint8, uint16, int16, int32, float32 or float64; never written to, contiguous or not.
Pairs are (y, x). Errors are ConvError and its children, with the message that the command would print.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from convcli import levels
from convcli.arguments import links_of, pair_of, weights_of, window_of
from convcli.errors import ConvError, FilterError
from convcli.filters import Kernel, check_anchor
from convcli.finish import Finish
from convcli.geometry import Geometry, Window
from convcli.graph import Program
from convcli.pipeline import Layout, check_window, compile_chain
from convcli.signal import Signal, is_narrow

if TYPE_CHECKING:
    from convcli.learning import Fit

__all__ = [
    "apply",
    "convolve",
    "corners",
    "correlate",
    "kernel",
    "learn",
    "open",
    "plan",
    "save",
    "shape",
    "usable_cores",
]

LOOK = 2.0  # nanoseconds a sample from which it pays to look whether float pixels are finite
ANY_FLOATS = ("auto", "direct", "reference")  # methods that need not know whether they are
DTYPES = ("uint8", "uint16", "int16", "int32", "float32", "float64")


def apply(
    pixels: np.ndarray,
    filter,
    *,
    stride=1,
    dilation=1,
    padding="same",
    padding_mode="reflect",
    anchor=None,
    op="correlate",
    bias=0,
    range=None,
    linear=False,
    method="auto",
    threads=None,
) -> np.ndarray:
    """The filtered pixels: (H', W') of (H, W) or where planes are summed, else (H', W', C); (H', W', O) for a bank.

    filter: a name, chain, path or matrix as text, a Path, a Filter, a Kernel, or weights: (kh, kw) takes each
    channel alone; (C, kh, kw) sums C channels to one; (O, C, kh, kw) is a bank, in PyTorch's layout. With a bank a
    stack of pictures (N, H, W, C) gives (N, H', W', O).
    padding: `same`, `valid`, `full`, P, (PY, PX) or (TOP, BOTTOM, LEFT, RIGHT), in pixels.
    range: None gives the sums as they are, float32 (float64 for float64 pixels, and where whole sums would not fit
    float32's 24 bits); `clip`, `abs`, `offset`, `stretch` give the dtype of the pixels, rounded once.
    linear: filter the light that levels stand for, by the curve of sRGB; for uint8 and uint16 without alpha.
    threads: None means the usable cores.
    """
    pixels, links = np.asarray(pixels), links_of(filter)
    window = window_of(stride, dilation, padding, padding_mode, anchor, op, bias)
    if pixels.ndim != 4:
        return _run(pixels[None], links, window, range, linear, method, threads)[0]
    if not len(pixels):
        raise ConvError("the stack holds no picture")
    return np.stack(_run(pixels, links, window, range, linear, method, threads))


def correlate(pixels: np.ndarray, weights, **options) -> np.ndarray:
    """The pixels under weights as drawn; options as in `apply`."""
    return apply(pixels, Kernel(weights_of(weights)), **options, op="correlate")


def convolve(pixels: np.ndarray, weights, **options) -> np.ndarray:
    """The pixels under weights turned by 180 degrees; options as in `apply`."""
    return apply(pixels, Kernel(weights_of(weights)), **options, op="convolve")


def plan(
    shape: tuple[int, ...],
    filter,
    *,
    dtype="uint8",
    stride=1,
    dilation=1,
    padding="same",
    padding_mode="reflect",
    anchor=None,
    op="correlate",
    bias=0,
    linear=False,
    method="auto",
) -> Program:
    """How `apply` would do it: `.method`, `.macs`, `.stages` with a plan each; `str()` says why."""
    window = window_of(stride, dilation, padding, padding_mode, anchor, op, bias)
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = str(dtype)
    return _program(links_of(filter), tuple(shape), name, window, method, linear)


def shape(size: tuple[int, int], *, kernel, stride=1, dilation=1, padding=0, anchor=None) -> Geometry:
    """The geometry of a kernel of `kernel` (N or (rows, columns)) over a picture of `size` (height, width).

    >>> shape((28, 28), kernel=3, stride=2).out
    (13, 13)
    """
    window = window_of(stride, dilation, padding, "zeros", anchor, "correlate", 0)
    return window.fit(pair_of(size, "size"), pair_of(kernel, "kernel"), window.anchor)


def corners(
    pixels: np.ndarray,
    *,
    method="harris",
    max=None,
    quality=None,
    min_distance=5,
    sigma=None,
    k=None,
    subpixel=True,
    threads=None,
) -> np.ndarray:
    """The corners, strongest first: an array with the fields `x`, `y` (pixel centres are whole) and `response`.

    pixels: (H, W) or (H, W, 1) gray, 3 channels as red, green and blue; 2 and 4 with alpha, laid on white.
    method: `harris`, `shi-tomasi`, or `sobel`, one Sobel after the other. The response is that filter's, of levels
    over white, so it is the same at 8 and 16 bits.
    max: at most so many. quality: the least response, a share of the strongest one; None means 0.01, 0.1 for
    shi-tomasi and 0.3 for sobel, which is a third of the contrast for each. min_distance: no two are nearer, in pixels.
    sigma, k: of the filter, its own where None. subpixel: False gives the peaks of the response as they are.
    """
    from convcli.detector import Search, detect

    search = Search(method, max, quality, min_distance, sigma, k, subpixel)
    pixels = np.asarray(pixels)
    _check_pixels(pixels.shape, pixels.dtype.name)
    planes = pixels if pixels.ndim == 3 else pixels[:, :, None]
    white, has_alpha = levels.white_of(pixels.dtype.name), planes.shape[2] in (2, 4)
    return detect(planes, white, has_alpha, search, threads or usable_cores())


def kernel(filter) -> Kernel:
    """The kernel of a filter that is one kernel, given as in `apply`. Raises FilterError for chains and composites.

    >>> kernel("sobel-x").sum
    0.0
    """
    links = links_of(filter)
    if len(links) != 1 or links[0].filter.kernel is None:
        raise FilterError(f'"{filter}" is no single kernel')
    return links[0].filter.kernel


def learn(
    before,
    after,
    k=None,
    *,
    stride=1,
    dilation=1,
    padding="same",
    padding_mode="reflect",
    anchor=None,
    op="correlate",
    bias=None,
    channels="each",
    rank=None,
    symmetry=None,
    ridge=0.0,
    threads=None,
) -> "Fit":
    """The kernel and the bias that turn `before` into `after`: `.kernel`, `.bias`, `.errors`, `.residual`, `.notes`.

    before, after: pixels, or a list of them for several pairs. k: N or (rows, columns); None takes the smallest odd
    square that does as well as larger ones. bias: None finds it. channels: `each` alone under one matrix, `gray`, or
    `sum` for a plane of weights for each channel. rank, symmetry (`even`, `odd`, `horizontal`, `vertical`,
    `isotropic`) bind the weights. ridge: favours small ones. Samples of whole-numbered `after` at 0 and white count as
    clipped. Raises InputError where the pixels do not determine the weights.

    >>> pixels = np.random.default_rng(1).normal(size=(20, 30))
    >>> learn(pixels, apply(pixels, "sobel-x") + 3, 3).kernel.weights.round(6)[1]
    array([-2.,  0.,  2.])
    """
    from convcli import learning
    from convcli.moments import Pair

    befores, afters = (value if isinstance(value, list | tuple) else [value] for value in (before, after))
    if len(befores) != len(afters) or not befores:
        raise ConvError(f"{len(befores)} pictures before and {len(afters)} after are no pairs")
    pairs = []
    for one, other in zip(befores, afters, strict=True):
        one, other = (np.asarray(pixels) for pixels in (one, other))
        for pixels in (one, other):
            if pixels.ndim not in (2, 3) or not pixels.size or pixels.dtype.name not in DTYPES:
                raise ConvError(f"pixels are {pixels.dtype} of shape {pixels.shape}, wanted (H, W) or (H, W, C)")
        is_whole = [pixels.dtype.kind in "iu" for pixels in (one, other)]
        white = levels.white_of(other.dtype.name)
        factor = levels.white_of(one.dtype.name) / white if all(is_whole) else 1.0
        planes = (pixels.reshape(*pixels.shape[:2], -1) for pixels in (one, other))
        pairs.append(Pair(*planes, factor, (0.0, white) if is_whole[1] else None))
    window = window_of(stride, dilation, padding, padding_mode, anchor, op, 0 if bias is None else bias)
    return learning.learn(
        pairs,
        window,
        None if k is None else pair_of(k, "k"),
        select=channels,
        bias=None if bias is None else window.bias,
        rank=rank,
        symmetry=symmetry,
        ridge=ridge,
        threads=threads or usable_cores(),
    )


def open(path: str | os.PathLike):
    """The picture in a file: `.pixels` (H, W, C), `.mode`, `.white`, `.alpha`, orientation applied: a `Raster`."""
    from convcli import raster  # arrays need no Pillow

    return raster.read(Path(path))


def save(picture, path: str | os.PathLike, *, overwrite: bool = False) -> None:
    """Writes a picture that `open` gave, or pixels, whole or not at all; the format is that of the name.

    pixels: (H, W) gray, (H, W, 2) with alpha, (H, W, 3) or (H, W, 4) colours, uint8 or uint16; other arrays as .npy,
    and float32 gray as .tif. Raises OutputError, and ConvError where the format cannot hold it or the file is there.
    """
    from convcli import files, formats, raster

    path = Path(path)
    form = formats.format_of(path.suffix)
    if not isinstance(picture, raster.Raster):
        pixels = np.asarray(picture)
        if pixels.ndim not in (2, 3) or not pixels.size or pixels.dtype.kind not in "uif":
            raise ConvError(f"pixels are {pixels.dtype} of shape {pixels.shape}, wanted numbers, (H, W) or (H, W, C)")
        planes = pixels.reshape(*pixels.shape[:2], -1)
        mode = formats.mode_of(pixels.dtype.name, planes.shape[2], alpha=planes.shape[2] in (2, 4))
        picture = raster.Raster(planes, mode)
    try:
        files.write_atomic(path, lambda target: raster.encode(picture, form, target), overwrite)
    except files.ExistsError as error:
        raise type(error)(f"{error} (overwrite=True replaces it)") from None


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run(pictures, links, window, rule, linear, method, threads) -> list[np.ndarray]:
    """Pictures of one shape through a chain, which is planned once."""
    if pictures.dtype.kind == "O":
        raise ConvError("pixels are no array (of a picture, its .pixels are)")
    if not pictures.dtype.isnative:
        pictures = pictures.astype(pictures.dtype.newbyteorder("="))
    shape, dtype = pictures.shape[1:], pictures.dtype.name
    is_float = pictures.dtype.kind == "f"
    known = _bounds(pictures) if is_float and method not in ANY_FLOATS else {}
    program = _program(links, shape, dtype, window, method, linear, known)
    if is_float and method in ANY_FLOATS and any(stage.plan and stage.plan.cost > LOOK for stage in program.stages):
        program = _program(links, shape, dtype, window, method, linear, _bounds(pictures))
    white = levels.white_of(dtype)
    if rule in (None, "none"):
        wide = dtype == "float64" or (program.signal.whole and program.signal.peak > 2**24)
        rule, dtype = "none", "float64" if wide else "float32"
    elif rule not in ("clip", "abs", "offset", "stretch"):
        raise ConvError(f'range "{rule}" is none of clip, abs, offset, stretch, none (or None)')
    proven = (program.signal.low, program.signal.high)
    finish = Finish(rule, white, white, dtype, proven=proven, measures=False, counts=False)
    planes = pictures if len(shape) == 3 else pictures[..., None]
    results = [levels.render(program, one, finish, threads or usable_cores())[0] for one in planes]
    sums_planes = any(link.filter.kernel and link.filter.kernel.matrix.ndim == 3 for link in links)
    is_flat = results[0].shape[2] == 1 and (len(shape) == 2 or sums_planes)
    return [out[:, :, 0] for out in results] if is_flat else results


def _bounds(pixels: np.ndarray) -> dict[str, float]:
    """The smallest and the largest of float pixels, where all are finite and of the size of levels; else nothing.

    Infinities would spread over the blocks of a matrix product or a transform; without them every method is open.
    """
    if not pixels.size:
        return {}
    low, high = float(pixels.min()), float(pixels.max())
    return {"low": low, "high": high} if is_narrow(max(abs(low), abs(high))) else {}


def _program(
    links, shape: tuple[int, ...], dtype: str, window: Window, method: str, linear: bool, bounds: dict | None = None
) -> Program:
    """The program for pixels of a shape and dtype, and of known bounds."""
    _check_pixels(shape, dtype)
    check_anchor(links, window.anchor)
    check_window(links, window)
    layout = Layout(white=levels.white_of(dtype), linear=linear)
    return compile_chain(links, Signal.of(shape, dtype).but(**bounds or {}), window, layout, method)


def _check_pixels(shape: tuple[int, ...], dtype: str) -> None:
    """Raises ConvError for what is no picture."""
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise ConvError(f"pixels have shape {shape}, wanted (H, W) or (H, W, C)")
    if dtype not in DTYPES:
        raise ConvError(f"pixels are {dtype}, wanted one of {', '.join(DTYPES)}")
