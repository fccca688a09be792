"""The digits that samples/digits.py writes, and PNGs of any arrays."""

from importlib.util import module_from_spec, spec_from_file_location
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["encoded", "write"]

_SPEC = spec_from_file_location("sample_digits", Path(__file__).parent.parent / "samples" / "digits.py")
_MODULE = module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)
write = _MODULE.write


def encoded(picture: np.ndarray) -> bytes:
    """The bytes of a PNG of a gray picture (H, W) or one in colours (H, W, 3)."""
    target = BytesIO()
    Image.fromarray(picture).save(target, "PNG")
    return target.getvalue()
