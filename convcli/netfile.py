"""Networks in files: NumPy's .npz with PyTorch's names, `0.weight` and `0.bias` for the first layer, then `2.weight`.

The odd numbers are the relu between, as in an nn.Sequential of both. Beside the parameters lie `classes`, `size`,
`mean`, `std` and `architecture`, the layers in the words of `convcli shape`. Nothing in a file is ever unpickled, and
its arrays are bounded before they are unpacked.
"""

import re
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from convcli import npy, smallfile
from convcli.errors import ConvError, FilterError, printable

if TYPE_CHECKING:
    import numpy as np

    from convcli.network import Network

__all__ = ["bank", "encode", "read"]

MAX_BYTES, MAX_ARRAYS = 64_000_000, 256  # of a file, packed and unpacked


def encode(network: "Network") -> bytes:
    """The bytes of the file; the same network gives the same bytes."""
    import numpy as np

    from convcli.network import layers

    arrays = {}
    for n, (weights, biases) in enumerate(zip(network.weights, network.biases, strict=True)):
        arrays |= {f"{2 * n}.weight": weights, f"{2 * n}.bias": biases}
    arrays["classes"] = np.array(network.classes)
    arrays["size"] = np.array(network.size)
    arrays["mean"], arrays["std"] = np.float64(network.mean), np.float64(network.std)
    arrays["architecture"] = np.array([str(layer) for layer in layers(network)])
    stream = BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def read(path: Path) -> "Network":
    """The network in a file. Raises FilterError where it is damaged or not one of ours."""
    from convcli.network import Network, layers

    arrays = _arrays(path)
    try:
        banks = _banks(arrays)
        wanted = [*(f"{n}.bias" for n in banks), "classes", "size", "mean", "std", "architecture"]
        if missing := [key for key in wanted if key not in arrays]:
            raise FilterError(f"is no network that convcli learned ({missing[0]} is missing)")
        classes = _words(arrays["classes"], "classes")
        network = Network(
            classes,
            tuple(int(n) for n in _numbers(arrays["size"], "size", (2,))),
            tuple(banks.values()),
            tuple(_numbers(arrays[f"{n}.bias"], f"{n}.bias", (len(w),)) for n, w in banks.items()),
            *(float(_numbers(arrays[key], key, ())) for key in ("mean", "std")),
        )
        _check(network)
        if _words(arrays["architecture"], "architecture") != tuple(str(layer) for layer in layers(network)):
            raise FilterError("its architecture is not the one of its weights")
    except ConvError as error:
        raise error.at(path) from None
    return network


def bank(path: Path, layer: int = 1) -> "np.ndarray":
    """The weights (O, C, kh, kw) of one of a network's layers, counted from 1, as float64."""
    arrays = _arrays(path)
    try:
        banks = list(_banks(arrays).values())
        if not 1 <= layer <= len(banks):
            raise FilterError(f"has no layer {layer} (it has 1 to {len(banks)})")
    except FilterError as error:
        raise error.at(path) from None
    return banks[layer - 1].astype("float64")


def _banks(arrays: dict) -> "dict[str, np.ndarray]":
    """The weights (O, C, kh, kw) of each layer in their order, by the layer's name."""
    numbers = sorted(int(name[:-7]) for name in arrays if re.fullmatch(r"(0|[1-9][0-9]{0,3})\.weight", name))
    if not numbers:
        raise FilterError("holds no weights of layers (0.weight is missing)")
    return {str(n): _numbers(arrays[f"{n}.weight"], f"{n}.weight", (None,) * 4) for n in numbers}


def _check(network: "Network") -> None:
    """Nothing, or a FilterError where the parts do not fit each other."""
    from convcli.network import TAPS

    before = 1
    for weights in network.weights:
        if weights.shape[1:] != (before, TAPS, TAPS):
            wanted = f"(maps, {before}, {TAPS}, {TAPS})"
            raise FilterError(f"weights of shape {weights.shape} stand where {wanted} are wanted")
        before = len(weights)
    if len(network.classes) != before or before < 2:
        raise FilterError(f"{len(network.classes)} classes do not go with {before} scores")
    if not all(1 <= n <= 2**15 for n in network.size):
        raise FilterError(f"pictures of {network.size[0]}x{network.size[1]} are no size")
    if network.std <= 0:
        raise FilterError(f"std is {network.std:g}, wanted more than 0")


def _numbers(array: "np.ndarray", what: str, shape: tuple[int | None, ...]) -> "np.ndarray":
    """The array as float32, or float64 where it is a single number; of a shape, in which None stands for any length."""
    import numpy as np

    fits = array.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, array.shape, strict=True))
    if array.dtype.kind not in "fiu" or not fits:
        raise FilterError(
            f"{what} is an array of {array.dtype} of shape {array.shape}, which is not what belongs there"
        )
    with np.errstate(over="ignore"):
        array = array.astype(np.float32 if shape else np.float64)
    if not np.isfinite(array).all():
        raise FilterError(f"{what} holds numbers that are not finite")
    return array


def _words(array: "np.ndarray", what: str) -> tuple[str, ...]:
    """The words of an array, each of which is there once if they are classes."""
    if array.dtype.kind != "U" or array.ndim != 1:
        raise FilterError(f"{what} is an array of {array.dtype} of shape {array.shape}, wanted a list of words")
    try:
        words = tuple(array.tolist())
    except ValueError:  # code points beyond Unicode
        raise FilterError(f"{what} is not text") from None
    if what == "classes" and len(set(words)) < len(words):
        raise FilterError("two classes have one name")
    return words


def _arrays(path: Path) -> dict:
    """The arrays of an .npz file by name."""
    name, data = printable(path), smallfile.read(path, MAX_BYTES, "a network")
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return _unpacked(archive)
    except ConvError as error:
        raise error.at(path) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError):
        raise FilterError(f"{name}: is no network, or damaged (convcli learn --classes writes one)") from None


def _unpacked(archive: zipfile.ZipFile) -> dict:
    """The arrays of an archive, whose sizes are looked at before anything is unpacked."""
    members = archive.infolist()
    if len(members) > MAX_ARRAYS or sum(member.file_size for member in members) > MAX_BYTES:
        raise FilterError(f"is too large for a network (at most {MAX_ARRAYS} arrays and {MAX_BYTES} bytes unpacked)")
    arrays = {}
    for member in members:
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise zipfile.BadZipFile  # others have no bound on what they take to unpack
        name = member.filename.removesuffix(".npy")
        with archive.open(member) as stream:
            try:
                arrays[name] = npy.parse(stream.read(member.file_size + 1))
            except ConvError as error:
                raise error.at(name) from None
    return arrays
