"""Files that are read whole: kernels and networks, which are small."""

import stat
from pathlib import Path

from convcli.errors import FilterError, printable, reason

__all__ = ["read"]


def read(path: Path, most: int, what: str) -> bytes:
    """The bytes of a regular file; a pipe or a device is refused before it can block.

    what: that the file is to be (`a kernel`). Raises FilterError, also for more than `most` bytes.
    """
    name = printable(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise FilterError(f"{name}: is {'a folder' if stat.S_ISDIR(status.st_mode) else 'not a regular file'}")
        if status.st_size > most:
            raise FilterError(f"{name}: is too large for {what} ({status.st_size} bytes, at most {most})")
        with path.open("rb") as file:
            return file.read(most)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise FilterError(f"{name}: {reason(error) if isinstance(error, OSError) else error}") from None
