"""Corners to a fraction of a pixel: the point that all gradients around it are square to.

On an edge that runs through a corner the gradient stands at right angles to the way to the corner; where nothing
happens it is zero. So the corner q is where the sum of w (g . (p - q))^2 over the pixels p around is least, which is
two linear equations: Foerstner and Guelch 1987, A fast operator for detection and precise location of distinct points.
The weights w are a Gaussian round q itself and move with it, so no pixel is ever interpolated.
"""

import numpy as np

__all__ = ["refine"]

_AT_ONCE, _SAMPLES = 512, 1 << 18  # points whose surroundings are held at once, and pixels of these: what a cache holds
_STEPS = 50
_ENOUGH = 0.01  # of a pixel: a shorter step ends the search
_LEAST = 1e-3  # of the squared trace of the equations that their determinant must have: else it is an edge


def refine(gray: np.ndarray, y: np.ndarray, x: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """The points as float y, x, each moved to the corner it belongs to.

    gray: (H, W) floats. sigma: of the weights, in pixels. A point stays where it was when no corner of the picture lies
    within two sigmas of it, or when the gradients leave the place open, as on an edge.
    """
    count = _count(sigma)
    moved = [
        _refined(gray, y[n : n + count].astype(float), x[n : n + count].astype(float), sigma)
        for n in range(0, len(y), count)
    ]
    return tuple(np.concatenate([np.empty(0), *parts]) for parts in (zip(*moved, strict=True) if moved else ((), ())))


def _count(sigma: float) -> int:
    """How many points are refined together: the fewer the wider their surroundings."""
    side = len(_reach(sigma)) + 2
    return max(1, min(_AT_ONCE, _SAMPLES // side**2))


@np.errstate(all="ignore")  # a float picture may hold infinities
def _refined(gray: np.ndarray, y: np.ndarray, x: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    size = np.array(gray.shape)[:, None]
    place = np.stack((y, x))  # where each point is now
    middle = np.rint(place).astype(int)
    products = _products(gray, middle, sigma)
    active, rests = np.arange(len(y)), np.zeros(len(y), bool)
    for _ in range(_STEPS):
        at = place[:, active]
        near = np.rint(at).astype(int)
        left = (near != middle[:, active]).any(axis=0)  # the pixel around which its products are
        if left.any():
            middle[:, active[left]] = near[:, left]
            products[:, active[left]] = _products(gray, near[:, left], sigma)
        step, is_sure = _step(products[:, active], near - at, sigma)
        length = np.hypot(*step)
        at += step / np.maximum(length, 1)  # a longer one would leave the pixels it was found from
        place[:, active] = at
        is_inside = ((at >= -0.5) & (at < size - 0.5)).all(axis=0)
        is_near = is_sure & is_inside & (np.hypot(at[0] - y[active], at[1] - x[active]) <= 2 * sigma)
        rests[active] = is_near & (length <= _ENOUGH)
        active = active[is_near & (length > _ENOUGH)]
        if not len(active):
            break
    return np.where(rests, place[0], y), np.where(rests, place[1], x)


def _reach(sigma: float) -> np.ndarray:
    """The offsets from the middle of the pixels that count."""
    reach = int(np.ceil(2.5 * sigma))
    return np.arange(-reach, reach + 1)


def _products(gray: np.ndarray, middle: np.ndarray, sigma: float) -> np.ndarray:
    """The gradients' products y y, y x and x x round each middle (2, N), as (3, N, rows, columns)."""
    offsets = _reach(sigma)
    offsets = np.arange(offsets[0] - 1, offsets[-1] + 2)  # a gradient sees its neighbours
    rows, columns = (np.clip(at[:, None] + offsets, 0, size - 1) for at, size in zip(middle, gray.shape, strict=True))
    near = gray[rows[:, :, None], columns[:, None, :]].astype(np.float64)
    across, down = near[:, :, 2:] - near[:, :, :-2], near[:, 2:] - near[:, :-2]
    gx = across[:, :-2] + 2 * across[:, 1:-1] + across[:, 2:]  # Sobel
    gy = down[:, :, :-2] + 2 * down[:, :, 1:-1] + down[:, :, 2:]
    return np.stack((gy * gy, gy * gx, gx * gx))


def _step(products: np.ndarray, ahead: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """The way (2, N) from each place to the solution of its equations, and where these have one.

    ahead: from the places to the middles of their products. The weights are a column times a row, so that a sum over a
    surrounding is two matrix products: with the weights, and with the weights times the distance.
    """
    away = _reach(sigma) + ahead[:, :, None]
    weights = np.exp(away**2 / (-2 * sigma**2))
    down, across = np.stack((weights, weights * away), axis=2)  # (N, 2, pixels) each
    sums = down @ products @ across.transpose(0, 2, 1)  # (3, N, 2, 2)
    yy, yx, xx = sums[:, :, 0, 0]
    v, u = sums[0, :, 1, 0] + sums[1, :, 0, 1], sums[1, :, 1, 0] + sums[2, :, 0, 1]
    determinant = xx * yy - yx * yx
    is_sure = determinant > _LEAST * (xx + yy) ** 2
    return np.stack((xx * v - yx * u, yy * u - yx * v)) / np.where(is_sure, determinant, 1), is_sure
