"""Names of outputs, and writing that leaves either the whole new file or what was there before.

A result goes to a file without a name in the folder of its output, and gets the name once it is whole and on
the disk: a kill leaves nothing behind, and of two writers one sees that the name is taken. Systems without
nameless files get a short hidden name beside the output, removed again when anything goes wrong.
"""

import errno
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from convcli.errors import ConvError, OutputError, printable, reason

__all__ = [
    "ExistsError",
    "abandon",
    "check_output",
    "is_folder",
    "make_folder",
    "output_path",
    "plan_outputs",
    "sync_folder",
    "write_atomic",
    "write_bytes",
]

_Fill = Callable[[BinaryIO], object]
_hidden: set[str] = set()  # names of files that are under way


class ExistsError(ConvError):
    """An output that is there already and may not be replaced; the others of a batch go on."""

    exit_code = 1


def output_path(source: Path, slug: str, output: str | None, format: str | None, many: bool) -> Path:
    """Where the result of one input goes: beside it, into the folder `output`, or to the file `output`.

    `format` is an extension; without it the input's is kept.

    >>> str(output_path(Path("a/photo.png"), "sobel-x", None, None, many=False))
    'a/photo.sobel-x.png'
    >>> str(output_path(Path("a/photo.jpg"), "sobel-x", "out/", "png", many=False))
    'out/photo.png'
    """
    suffix = f".{format.lstrip('.').lower()}" if format else source.suffix
    if output is None:
        word = re.sub(r"[^\w.=+@-]+", "-", slug).strip("-.") or "out"
        return source.with_name(f"{source.stem}.{word}{suffix}")
    if many or is_folder(output):
        return Path(output, source.with_suffix(suffix).name)
    return Path(output)


def is_folder(output: str) -> bool:
    """True where an output's name means a folder: it ends like one, or is one."""
    return output.endswith(("/", os.sep)) or os.path.isdir(output)


def plan_outputs(pairs: Iterable[tuple[Path | str, Path | str]], in_place: bool = False) -> None:
    """Nothing, or a ConvError that names both sides where (input, output) pairs would overwrite each other.

    Names are compared as a file system would that ignores case and composes accents, whatever this one
    does; an output is an input when both are one file, by whatever path. in_place: it may be its own input.
    """
    pairs = list(pairs)
    folders: dict[str, str] = {}
    inputs = {_identity(source, folders): source for source, _ in pairs}
    taken: dict[str, Path | str] = {}
    for source, output in pairs:
        place = _identity(output, folders)
        hit = inputs.get(place)
        if hit is not None and not (in_place and place == _identity(source, folders)):
            same = "" if os.fspath(hit) == os.fspath(output) else f" ({printable(hit)})"
            raise ConvError(f"{printable(output)}: is an input{same} (choose another name or folder with -o)")
        key = _key(output, folders)
        if key in taken:
            if os.fspath(taken[key]) == os.fspath(source):
                raise ConvError(f"{printable(source)}: is named twice, for {printable(output)}")
            raise ConvError(
                f"{printable(taken[key])} and {printable(source)} would both be written to {printable(output)}"
                " (give them different names)"
            )
        taken[key] = source


def _key(path: Path | str, folders: dict[str, str]) -> str:
    """Equal for two names that some file system takes for one; `folders` remembers those that were resolved."""
    if os.path.islink(path):
        path = os.path.realpath(path)
    folder, name = os.path.split(path)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    text = f"{folders[folder]}{os.sep}{name}"
    if text.isascii():
        return text.casefold()
    import unicodedata  # late: most names have no accents

    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold())


def _identity(path: Path | str, folders: dict[str, str]) -> object:
    """Equal for two paths to one file."""
    try:
        info = os.stat(path)
    except (OSError, ValueError):
        return _key(path, folders)
    return info.st_dev, info.st_ino


def make_folder(path: Path) -> None:
    """Nothing; the folder and those above it are there."""
    with _reported(path):
        try:
            os.makedirs(path, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise OutputError(f"{printable(path)}: a file stands where the folder is to be") from None


def sync_folder(path: Path) -> None:
    """Nothing; the names in the folder are on the disk, where the system can promise that."""
    with suppress(OSError), _opened(os.fspath(path), os.O_RDONLY) as fd:
        os.fsync(fd)


def abandon() -> None:
    """Nothing; of what is under way, in whatever thread, no name is left. For a process that is about to end."""
    while _hidden:
        with suppress(OSError, KeyError):
            os.unlink(_hidden.pop())


def write_bytes(path: Path, data: bytes, overwrite: bool = False) -> None:
    """Nothing; the file holds the data, as `write_atomic` has it."""
    write_atomic(path, lambda stream: stream.write(data), overwrite)


def write_atomic(path: Path, fill: _Fill, overwrite: bool = False) -> None:
    """Nothing; the file holds, whole, what `fill` writes into the stream it gets.

    A link is written through. A new file gets the usual mode, a replaced one keeps its own. Pipes and
    character devices are written to as they are. Errors: ExistsError, OutputError, and what `fill` raises.
    """
    old = check_output(path, overwrite)
    with _reported(path):
        if old and not stat.S_ISREG(old.st_mode):
            with open(path, "wb") as stream:
                fill(stream)
            return
        try:
            real = os.path.realpath(path)
            _write_nameless(real, fill, old, overwrite) or _write_hidden(real, fill, old, overwrite)
        except FileExistsError:
            raise _exists(path) from None


def check_output(path: Path, overwrite: bool = False) -> os.stat_result | None:
    """What is at the path now, or None; an error where `write_atomic` would have to fail."""
    name = printable(path)
    with _reported(path):
        try:
            old = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            folder = os.path.dirname(os.path.realpath(path))
            if not os.path.isdir(folder):
                raise OutputError(f"{name}: there is no folder {printable(folder)}") from None
            if not os.access(folder, os.W_OK | os.X_OK):
                raise OutputError(f"{name}: no permission to write into the folder") from None
            return None
    if stat.S_ISDIR(old.st_mode):
        raise OutputError(f"{name}: is a folder")
    if stat.S_ISFIFO(old.st_mode) or stat.S_ISCHR(old.st_mode):
        return old
    if not stat.S_ISREG(old.st_mode):
        raise OutputError(f"{name}: is no ordinary file")
    if not overwrite:
        raise _exists(path)
    # by the mode too, which does not bind root: whoever took the write bits away meant it
    if not old.st_mode & 0o222 or not os.access(path, os.W_OK):
        raise OutputError(f"{name}: is read-only and is not overwritten")
    return old


def _exists(path: Path) -> ExistsError:
    return ExistsError(f"{printable(path)}: exists already")


def _write_nameless(real: str, fill: _Fill, old: os.stat_result | None, overwrite: bool) -> bool:
    """True when written, False where the system has no nameless files; FileExistsError when the name is taken."""
    folder = os.path.dirname(real)
    with ExitStack() as stack:
        try:
            links = stack.enter_context(_opened("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY))
            fd = stack.enter_context(_opened(folder, os.O_TMPFILE | os.O_WRONLY))
        except (OSError, AttributeError):  # if the folder itself is at fault, the other way will say so
            return False
        _complete(fd, fill, old)
        try:
            os.link(str(fd), real, src_dir_fd=links)  # the descriptor makes it follow /proc's magic link
        except FileExistsError:
            if not overwrite:
                raise
            with _hidden_name(folder) as hidden:
                os.link(str(fd), hidden, src_dir_fd=links)
                _publish(hidden, real, overwrite)
        except OSError:
            return False
    return True


def _write_hidden(real: str, fill: _Fill, old: os.stat_result | None, overwrite: bool) -> None:
    with _hidden_name(os.path.dirname(real)) as hidden:
        with _opened(hidden, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)) as fd:
            _complete(fd, fill, old)
        _publish(hidden, real, overwrite)


@contextmanager
def _opened(path: str, flags: int) -> Iterator[int]:
    fd = os.open(path, flags, 0o666)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def _hidden_name(folder: str) -> Iterator[str]:
    """A name nobody has, shorter than most, so that it is not too long where the output's is not; gone in the end."""
    hidden = os.path.join(folder, f".{os.urandom(5).hex()}")
    _hidden.add(hidden)
    try:
        yield hidden
    finally:
        with suppress(OSError):  # it has been renamed, or was never made
            os.unlink(hidden)
        _hidden.discard(hidden)


def _publish(hidden: str, real: str, overwrite: bool) -> None:
    """Give the hidden file its name."""
    if overwrite:
        os.replace(hidden, real)
        return
    try:
        os.link(hidden, real)
    except OSError:  # no links on this file system: the best left is to look once more
        if os.path.lexists(real):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), real) from None
        os.rename(hidden, real)


def _complete(fd: int, fill: _Fill, old: os.stat_result | None) -> None:
    with open(fd, "wb", closefd=False) as stream:
        fill(stream)
    if old is not None and hasattr(os, "fchmod"):
        with suppress(OSError):  # only root may give files away
            os.fchown(fd, old.st_uid, old.st_gid)
        os.fchmod(fd, stat.S_IMODE(old.st_mode))
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Errors of the system become OutputErrors that name the path."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{printable(path)}: {reason(error)}") from error
    except ValueError as error:  # a zero byte in the name
        if "null" not in str(error):
            raise
        raise OutputError(f"{printable(path)}: is no file name") from None
