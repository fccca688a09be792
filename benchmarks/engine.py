"""The engine against OpenCV, scipy.ndimage, Pillow, scikit-image and PyTorch on pictures in memory, in one run.

    python benchmarks/engine.py [--sizes 12] [--kernels sobel,gauss5] [--dtypes uint8] [--peers cv2]

Sizes are megapixels. convcli, Pillow and OpenCV, where it can, give 8-bit from 8-bit pictures (and so on): what a
picture needs from start to end. scipy, scikit-image and PyTorch stop at floats, which favours them. A ratio below 1
means that convcli is faster than that peer.
"""

import argparse
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command sets it

import numpy as np
from timing import machine, side_by_side

from convcli import api

THREADS = 2


def gauss(taps: int, sigma: float) -> np.ndarray:
    """A Gaussian of `taps` weights with sum 1."""
    weights = np.exp(-((np.arange(taps) - (taps - 1) / 2) ** 2) / (2 * sigma**2))
    return weights / weights.sum()


def kernels() -> dict[str, np.ndarray]:
    """The seven kernels, by name."""
    rng = np.random.default_rng(0)
    random = {f"random{n}": rng.random((n, n)) for n in (9, 31)}
    return {
        "sobel": np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
        "sharpen": np.array([[0.0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
        "gauss5": np.outer(gauss(5, 1), gauss(5, 1)),
        "gauss31": np.outer(gauss(31, 5), gauss(31, 5)),
        "box15": np.ones((15, 15)),
        **{name: weights / weights.sum() for name, weights in random.items()},
    }


def ours(pixels, name, weights, stride, dilation, method="auto"):
    """convcli, with the range rule that a picture of this kernel wants."""
    kernel = api.Kernel(weights, 1 / 225) if name == "box15" else weights
    rule = None if pixels.dtype.kind == "f" else "abs" if name == "sobel" else "clip"
    options = {"stride": stride, "dilation": dilation, "range": rule, "method": method, "threads": THREADS}
    return lambda: api.apply(pixels, kernel, **options)


def opencv(pixels, name, weights, stride, dilation):
    """OpenCV's own call for the kernel; a stride and dilation are what its users do: holes, and every n-th pixel."""
    import cv2

    cv2.setNumThreads(THREADS)
    is_plain = dilation == 1 and stride == 1
    if is_plain and name == "sobel" and pixels.dtype == np.uint8:
        return lambda: cv2.convertScaleAbs(cv2.Sobel(pixels, cv2.CV_16S, 1, 0))
    if is_plain and name.startswith("gauss"):
        taps = len(weights)
        return lambda: cv2.GaussianBlur(pixels, (taps, taps), 1 if taps == 5 else 5)
    if is_plain and name == "box15":
        return lambda: cv2.blur(pixels, (15, 15))
    holes = np.zeros([dilation * (n - 1) + 1 for n in weights.shape], np.float32)
    holes[::dilation, ::dilation] = weights / (225 if name == "box15" else 1)
    if name == "sobel":
        return lambda: np.abs(cv2.filter2D(pixels, cv2.CV_32F, holes)[::stride, ::stride])
    return lambda: np.ascontiguousarray(cv2.filter2D(pixels, -1, holes)[::stride, ::stride])


def scipy(pixels, name, weights, stride, dilation):
    """scipy.ndimage.correlate, channel by channel; separable kernels as two passes."""
    from scipy import ndimage

    if stride > 1 or dilation > 1:
        return None
    planes = [pixels] if pixels.ndim == 2 else [pixels[..., c] for c in range(pixels.shape[2])]
    if name.startswith("gauss"):
        line = weights.sum(axis=0)

        def run():
            for plane in planes:
                ndimage.correlate1d(ndimage.correlate1d(plane.astype(np.float32), line, 0), line, 1)

        return run
    if name == "box15":
        return lambda: [ndimage.uniform_filter(plane, 15) for plane in planes]
    return lambda: [ndimage.correlate(plane.astype(np.float32), weights) for plane in planes]


def pillow(pixels, name, weights, stride, dilation):
    """Pillow's Kernel (3x3 and 5x5) and BoxBlur."""
    from PIL import Image, ImageFilter

    if stride > 1 or dilation > 1 or pixels.dtype != np.uint8:
        return None
    image = Image.fromarray(pixels)
    if name == "box15":
        return lambda: image.filter(ImageFilter.BoxBlur(7))
    if len(weights) > 5:
        return None
    kernel = ImageFilter.Kernel(weights.shape, weights.ravel().tolist(), scale=1)
    return lambda: image.filter(kernel)


def skimage(pixels, name, weights, stride, dilation):
    """scikit-image's gaussian and sobel_v."""
    from skimage import filters

    if stride > 1 or dilation > 1:
        return None
    axis = None if pixels.ndim == 2 else 2
    if name.startswith("gauss"):
        sigma = 1 if name == "gauss5" else 5
        return lambda: filters.gaussian(pixels, sigma, radius=(len(weights) - 1) // 2, channel_axis=axis)
    if name == "sobel" and pixels.ndim == 2:
        return lambda: filters.sobel_v(pixels)
    return None


def torch(pixels, name, weights, stride, dilation):
    """torch.nn.functional.conv2d on the CPU, float32, one group a channel."""
    import torch as library

    library.set_num_threads(THREADS)
    if pixels.size > 20e6 and weights.size > 200:
        return None  # tens of seconds
    planes = library.from_numpy(np.atleast_3d(pixels).astype(np.float32).transpose(2, 0, 1)[:, None].copy())
    kernel = library.from_numpy(weights.astype(np.float32))[None, None]
    reach = [dilation * (n - 1) // 2 for n in weights.shape]

    def run():
        padded = library.nn.functional.pad(planes, (reach[1], reach[1], reach[0], reach[0]), mode="reflect")
        library.nn.functional.conv2d(padded, kernel, stride=stride, dilation=dilation)

    return run


PEERS = {"cv2": opencv, "scipy": scipy, "PIL": pillow, "skimage": skimage, "torch": torch}


def installed(names: list[str]) -> list[str]:
    """The peers that can be imported."""
    from importlib.util import find_spec

    return [name for name in names if find_spec(name)]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="0.25,2,12", help="megapixels")
    parser.add_argument("--kernels", default=",".join(kernels()))
    parser.add_argument("--dtypes", default="uint8,uint16,float32")
    parser.add_argument("--channels", default="1,3")
    parser.add_argument("--strides", default="1")
    parser.add_argument("--dilations", default="1")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    peers, rng = installed(asked.peers.split(",")), np.random.default_rng(1)
    print(f"{machine()}, {THREADS} threads; milliseconds: best (median); ratio of best times, convcli / peer\n")
    print("| picture | kernel | convcli | " + " | ".join(peers) + " |")
    print("|---|---|---|" + "---|" * len(peers))
    for size in map(float, asked.sizes.split(",")):
        height = round((size * 1e6 * 3 / 4) ** 0.5)
        for dtype in asked.dtypes.split(","):
            for channels in map(int, asked.channels.split(",")):
                shape = (height, height * 4 // 3) + (channels,) * (channels > 1)
                white = {"uint8": 255, "uint16": 65535, "float32": 1.0}[dtype]
                pixels = (rng.random(shape, dtype=np.float32) * white).astype(dtype)
                for stride in map(int, asked.strides.split(",")):
                    for dilation in map(int, asked.dilations.split(",")):
                        for name in asked.kernels.split(","):
                            row(size, pixels, channels, name, stride, dilation, peers, asked.rounds)


def row(size, pixels, channels, name, stride, dilation, peers, rounds) -> None:
    """One line of the table."""
    weights = kernels()[name]
    sides = {"convcli": ours(pixels, name, weights, stride, dilation)}
    for peer in peers:
        run = PEERS[peer](pixels, name, weights, stride, dilation)
        if run is not None:
            sides[peer] = run
    seen = side_by_side(sides, rounds)
    best, median = seen["convcli"]
    cells = [f"{best * 1e3:.1f} ({median * 1e3:.1f})"]
    cells += [f"{seen[peer][0] * 1e3:.1f}, **{best / seen[peer][0]:.2f}**" if peer in seen else "" for peer in peers]
    extra = f" s{stride}" * (stride > 1) + f" d{dilation}" * (dilation > 1)
    picture = f"{size:g} MP {pixels.dtype} {'gray' if channels == 1 else 'RGB'}"
    print(f"| {picture} | {name}{extra} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
