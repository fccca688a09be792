"""How near corners are found, on turned, blurred and noisy boards; OpenCV's beside ours where it is installed.

    python benchmarks/corners.py

Boards of 8 x 8 squares at six angles, 294 inner corners for each row: the share found within 2.5 pixels, and the median
distance of the nearest point.
"""

import numpy as np
from scipy import ndimage

import convcli

ANGLES = (3, 17, 31, 45, 60, 80)
BOARDS = (
    (24, 0.7, 2),
    (24, 1.5, 5),
    (24, 2, 5),
    (24, 2.5, 5),
    (24, 3, 10),
    (14, 2, 5),
    (8, 1, 5),
)  # square, blur, noise
SIZE, FINE = (256, 320), 5


def main() -> None:
    """Prints the table."""
    finders = {"harris": ours("harris"), "shi-tomasi": ours("shi-tomasi"), "harris, 16 bits": ours("harris", 16)}
    try:
        import cv2

        finders["OpenCV, subpixel"] = opencv(cv2)
    except ImportError:
        pass
    print(f"| square | blur | noise | {' | '.join(finders)} |\n|---|---|---|{'---|' * len(finders)}")
    for square, blur, noise in BOARDS:
        cells = []
        for find in finders.values():
            away = np.concatenate([misses(find, *board(angle, square, blur, noise)) for angle in ANGLES])
            cells.append(f"{100 * (away < 2.5).mean():.0f} %, {np.median(away):.2f}")
        print(f"| {square} | {blur} | {noise} | {' | '.join(cells)} |")


def board(angle: float, square: float, blur: float, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Levels from 0 to 1, and the inner corners as x, y. noise: its deviation, in 255ths of white."""
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(float)
    middle, tone = (SIZE[1] / 2 - 0.7, SIZE[0] / 2 - 0.4), np.zeros(SIZE)
    for offset in np.ndindex(FINE, FINE):
        down, across = (
            at - centre + (n + 0.5) / FINE - 0.5 for at, centre, n in zip((y, x), middle[::-1], offset, strict=True)
        )
        u, v = (c * across + s * down) / square, (c * down - s * across) / square
        dark = (np.maximum(abs(u), abs(v)) < 4) & ((np.floor(u) + np.floor(v)) % 2 == 0)
        tone += np.where(dark, 42, 214) / 255 / FINE**2
    tone = ndimage.gaussian_filter(tone, blur) + np.random.default_rng(angle).normal(0, noise / 255, SIZE)
    v, u = (grid.ravel() * square for grid in np.mgrid[-3:4, -3:4])
    return np.clip(tone, 0, 1), np.stack((c * u - s * v + middle[0], s * u + c * v + middle[1]), axis=1)


def ours(method: str, bits: int = 8):
    """Our points as x, y."""

    def find(tone: np.ndarray) -> np.ndarray:
        points = convcli.corners(np.rint(tone * (2**bits - 1)).astype(f"uint{bits}"), method=method)
        return np.stack((points["x"], points["y"]), axis=1)

    return find


def opencv(cv2):
    """What goodFeaturesToTrack and cornerSubPix find with 11 x 11 pixels."""

    def find(tone: np.ndarray) -> np.ndarray:
        picture = np.rint(tone * 255).astype(np.uint8)
        points = cv2.goodFeaturesToTrack(picture, 0, 0.1, 5)
        return cv2.cornerSubPix(picture, points, (5, 5), (-1, -1), (3, 40, 0.001))[:, 0]

    return find


def misses(find, tone: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """How far each corner is from the nearest point."""
    return np.hypot(*(corners[:, None] - find(tone)).transpose(2, 0, 1)).min(axis=1)


if __name__ == "__main__":
    main()
