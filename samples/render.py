"""Renders every sample picture and table of this folder: python samples/render.py [FOLDER]."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

Array = np.ndarray
Random = np.random.Generator
SEED = 20  # one seed for all: every run writes the same bytes


# ---------------------------------------------------------------- pieces


def to_bytes(values: Array) -> Array:
    """Values of 0..255 rounded and clipped to whole bytes."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def pixel_grid(width: int, height: int) -> tuple[Array, Array]:
    """The x and y of every pixel centre, which lie at whole numbers."""
    y, x = np.mgrid[:height, :width].astype(float)
    return x, y


def smoothstep(low: float, high: float, value: Array) -> Array:
    """A soft step from 0 at `low` to 1 at `high`."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def mix(first: Array, second: Array, share: Array) -> Array:
    """Blends from `first` (share 0) to `second` (share 1)."""
    return first + (second - first) * share


def turned(x: Array, y: Array, angle: float) -> tuple[Array, Array]:
    """The point (x, y) turned about the origin."""
    c, s = np.cos(angle), np.sin(angle)
    return c * x - s * y, s * x + c * y


def arc(cx: float, cy: float, rx: float, ry: float, start: float, stop: float, steps: int = 12) -> Array:
    """A polyline along an ellipse; angles in degrees, 0 to the right and 90 downwards."""
    angle = np.radians(np.linspace(start, stop, steps + 1))
    return np.stack([cx + rx * np.cos(angle), cy + ry * np.sin(angle)], axis=1)


def draw_segment(ink: Array, start: Array, stop: Array, width: float) -> None:
    """Lays one anti-aliased, round-ended segment into `ink` (0 bare, 1 full)."""
    reach = width / 2 + 1
    low = np.maximum(np.floor(np.minimum(start, stop) - reach).astype(int), 0)
    high = np.ceil(np.maximum(start, stop) + reach).astype(int) + 1
    window = ink[low[1] : max(high[1], 0), low[0] : max(high[0], 0)]
    y, x = np.mgrid[: window.shape[0], : window.shape[1]]
    x, y = x + low[0] - start[0], y + low[1] - start[1]
    along = stop - start
    share = np.clip((x * along[0] + y * along[1]) / max(along @ along, 1e-9), 0, 1)
    distance = np.hypot(x - share * along[0], y - share * along[1])
    np.maximum(window, np.clip(width / 2 + 0.5 - distance, 0, 1), out=window)


def draw_stroke(ink: Array, points: Array, width: float) -> None:
    """Lays a polyline into `ink`."""
    for start, stop in pairwise(points):
        draw_segment(ink, start, stop, width)


# ---------------------------------------------------------------- still life: shapes
#
# Vectors are arrays of shape (3, n), y upwards. A shape is a function from points to their distance from
# its surface, negative inside; rays walk along it by that distance.

Shape = Callable[[Array], Array]


def length(vector: Array) -> Array:
    """The length of each vector."""
    return np.sqrt(dot(vector, vector))


def dot(first: Array, second: Array) -> Array:
    """The inner product of each pair of vectors."""
    return first[0] * second[0] + first[1] * second[1] + first[2] * second[2]


def unit(vector: Array) -> Array:
    """Each vector at length one."""
    return vector / length(vector)


def vec(x: float, y: float, z: float) -> Array:
    """One vector (or colour) as a column that broadcasts over points."""
    return np.array([[x], [y], [z]], dtype=float)


def soft_min(first: Array, second: Array, width: float) -> Array:
    """The smaller of two distances, with the crease between them rounded over `width`."""
    share = np.clip(0.5 + 0.5 * (first - second) / width, 0, 1)
    return mix(first, second, share) - width * share * (1 - share)


def capsule(p: Array, start: Array, stop: Array, radius: float) -> Array:
    """Distance to a rod with round ends."""
    along = stop - start
    share = np.clip(dot(p - start, along) / dot(along, along), 0, 1)
    return length(p - start - along * share) - radius


def ball(radius: float) -> Shape:
    """A sphere."""
    return lambda p: length(p) - radius


def cube(half: float, rounding: float) -> Shape:
    """A cube with rounded edges."""

    def distance(p: Array) -> Array:
        outside = np.abs(p) - (half - rounding)
        return length(np.maximum(outside, 0)) + np.minimum(outside.max(axis=0), 0) - rounding

    return distance


def apple(p: Array) -> Array:
    """A spindle torus, whose dimples and shoulders are an apple's, and a stem."""
    around = np.hypot(p[0], p[2])
    # The lower half is pulled in: an apple tapers towards the table.
    body = np.hypot(around - 0.17 - 0.05 * np.clip(p[1], -0.4, 0.4), p[1]) - 0.3
    stem = capsule(p, vec(0, 0.12, 0), vec(0.07, 0.42, 0.02), 0.018)
    return np.minimum(body * 0.95, stem)


def pear(p: Array) -> Array:
    """Two balls run together, and a stem."""
    body = soft_min(length(p) - 0.43, length(p - vec(0.03, 0.53, 0)) - 0.2, 0.32)
    stem = capsule(p, vec(0.03, 0.68, 0), vec(0.12, 0.95, 0.03), 0.02)
    return soft_min(body, stem, 0.05)


VASE_OUTLINE = [  # height, radius
    (0.0, 0.34), (0.12, 0.38), (0.45, 0.56), (0.85, 0.66), (1.2, 0.52),
    (1.5, 0.27), (1.75, 0.19), (2.0, 0.2), (2.15, 0.27), (2.3, 0.36),
]  # fmt: skip
VASE_TOP = 2.22


def smooth_outline(points: list[tuple[float, float]]) -> tuple[Array, Array]:
    """A dense, rounded outline through roughly the given points."""
    height, radius = np.array(points).T
    dense = np.linspace(height[0], height[-1], 2001)
    curve = np.interp(dense, height, radius)
    for _ in range(3):  # three box blurs round the corners off like a Gaussian
        padded = np.pad(curve, 70, mode="reflect", reflect_type="odd")
        curve = np.convolve(padded, np.full(141, 1 / 141), "valid")
    return dense, curve


def vase() -> Shape:
    """A surface of revolution, hollow at the mouth and solid further down, where nobody looks in."""
    heights, radii = smooth_outline(VASE_OUTLINE)

    def distance(p: Array) -> Array:
        # Slanting walls are nearer than they seem along the radius, hence the shorter distance.
        wall = 0.75 * (np.hypot(p[0], p[2]) - np.interp(p[1], heights, radii))
        full = np.maximum(wall, np.maximum(p[1] - VASE_TOP, -p[1]))
        mouth = np.maximum(wall + 0.045, 1.8 - p[1])
        return -soft_min(-full, mouth, 0.03)

    return distance


# ---------------------------------------------------------------- still life: textures


def lattice_noise() -> Callable[[Array], Array]:
    """A smooth random field of 0..1 over space: random lattice values, blended in between."""
    lattice = np.random.default_rng(SEED).random((32, 32, 32))

    def noise(p: Array) -> Array:
        cell = np.floor(p).astype(int)
        fx, fy, fz = smoothstep(0, 1, p - cell)
        (x0, y0, z0), (x1, y1, z1) = cell % 32, (cell + 1) % 32

        def edge(y: Array, z: Array) -> Array:
            return mix(lattice[x0, y, z], lattice[x1, y, z], fx)

        return mix(mix(edge(y0, z0), edge(y1, z0), fy), mix(edge(y0, z1), edge(y1, z1), fy), fz)

    return noise


noise = lattice_noise()


def cloudy(p: Array, octaves: int = 4) -> Array:
    """Noise at several scales at once, about 0..1."""
    return sum(noise(p * 2.0**k + 7.3 * k) * 0.5**k for k in range(octaves)) / (2 - 2.0 ** (1 - octaves))


def wood_grain(p: Array, light: Array, dark: Array) -> Array:
    """Wood whose grain runs along x."""
    stretched = p * vec(0.35, 3.0, 3.0)
    rings = 0.5 + 0.5 * np.sin(38 * (cloudy(stretched, 2) + 0.12 * p[2]))
    fibres = noise(p * vec(4, 60, 60))
    return mix(light, dark, 0.55 * rings**2 + 0.45 * fibres)


def planks(p: Array) -> Array:
    """A table top of boards."""
    board = np.floor(p[2] / 0.8 + 0.35)
    shifted = p + np.stack([board * 5.7, board * 2.3, board * 9.1])
    tone = 0.82 + 0.36 * noise(np.stack([board * 1.7 + 0.5, board * 0, board * 0]))
    colour = wood_grain(shifted, vec(0.42, 0.2, 0.085), vec(0.17, 0.066, 0.025)) * tone
    across = np.abs((p[2] / 0.8 + 0.35) % 1 - 0.5)
    return colour * mix(1.0, 0.18, smoothstep(0.488, 0.496, across))


CLOTH_HALF = 1.55


def cloth_frame(p: Array) -> tuple[Array, Array]:
    """Coordinates along the two edges of the cloth."""
    return turned(p[0] + 0.25, p[2] - 0.45, np.radians(31))


def on_cloth(p: Array) -> Array:
    """Whether table points are covered by the cloth."""
    u, v = cloth_frame(p)
    return np.maximum(np.abs(u), np.abs(v)) < CLOTH_HALF


def gingham(p: Array) -> Array:
    """A checked cloth: threads of two colours cross, and mix where they do."""
    u, v = cloth_frame(p)
    across, along = np.floor(u / 0.22) % 2, np.floor(v / 0.22) % 2
    weave = 0.9 + 0.1 * np.sin(u * 150) * np.sin(v * 150)
    colour = mix(vec(0.84, 0.8, 0.72), vec(0.09, 0.19, 0.36), (across + along) / 2)
    hem = np.maximum(np.abs(u), np.abs(v))
    return colour * weave * mix(1.0, 0.72, np.exp(-(((hem - CLOTH_HALF + 0.07) / 0.012) ** 2)))


def table_colour(p: Array) -> Array:
    """The table's colour: boards, and the cloth upon them with its thin shadow."""
    u, v = cloth_frame(p - vec(0.025, 0, 0.012))
    outside = np.hypot(np.maximum(np.abs(u) - CLOTH_HALF, 0), np.maximum(np.abs(v) - CLOTH_HALF, 0))
    shade = mix(0.35, 1.0, smoothstep(0, 0.05, outside))
    return np.where(on_cloth(p), gingham(p), planks(p) * shade)


def orange_colour(p: Array) -> Array:
    """Orange peel."""
    return mix(vec(0.86, 0.2, 0.004), vec(0.92, 0.31, 0.01), cloudy(p * 3))


def orange_bump(p: Array) -> Array:
    """The pores of the peel."""
    return 0.0026 * smoothstep(0.4, 1.0, noise(p * 34)) + 0.0012 * noise(p * 12)


def apple_colour(p: Array) -> Array:
    """A red apple with yellow-green flecks and streaks running from the dimple."""
    angle = np.arctan2(p[2], p[0])
    streaks = noise(np.stack([9 * np.cos(angle), 9 * np.sin(angle), 2.2 * p[1]]))
    sun = 0.55 * streaks + 0.75 * cloudy(p * 1.7 + 3) - 0.25 * smoothstep(0.12, 0.3, p[1])
    ripe = smoothstep(0.2, 0.75, sun)
    skin = mix(vec(0.75, 0.52, 0.09), vec(0.5, 0.018, 0.02), ripe)
    dots = smoothstep(0.83, 0.92, noise(p * 30))
    stem = (np.hypot(p[0], p[2]) < 0.1) & (p[1] > 0.25)
    return np.where(stem, vec(0.13, 0.07, 0.03), mix(skin, vec(0.8, 0.6, 0.3), 0.5 * dots))


def pear_colour(p: Array) -> Array:
    """A yellow-green pear with a blush on one side and brown specks."""
    skin = mix(vec(0.62, 0.56, 0.07), vec(0.36, 0.46, 0.06), cloudy(p * 2.5))
    skin = mix(skin, vec(0.7, 0.2, 0.05), 0.65 * smoothstep(0.1, 0.45, p[0] + 0.35 * noise(p * 6)))
    specks = smoothstep(0.78, 0.88, noise(p * 34))
    return np.where(p[1] > 0.74, vec(0.12, 0.07, 0.03), mix(skin, vec(0.25, 0.15, 0.04), 0.6 * specks))


def vase_colour(p: Array) -> Array:
    """Glazed earthenware with painted bands, zigzags and dots."""
    turn = np.arctan2(p[0], p[2]) / (2 * np.pi)
    y = p[1]
    glaze = mix(vec(0.02, 0.21, 0.23), vec(0.03, 0.3, 0.29), cloudy(p * vec(3, 6, 3)))
    zigzag = np.abs(y - 0.86 - 0.22 * (np.abs((turn * 14) % 1 - 0.5) - 0.25)) < 0.032
    bands = np.zeros_like(y, dtype=bool)
    for height in (0.6, 1.1, 1.17, 1.62, 1.68):
        bands |= np.abs(y - height) < 0.017
    dots = np.hypot((turn * 28 % 1 - 0.5) * 0.125, y - 0.7) < 0.028
    dots |= np.hypot((turn * 28 % 1 - 0.5) * 0.125, y - 1.02) < 0.028
    colour = np.where(zigzag | bands | dots, vec(0.85, 0.78, 0.6), glaze)
    return np.where(y > 2.14, vec(0.6, 0.3, 0.1), colour)


def toy_colour(half: float, *paints: Array) -> Callable[[Array], Array]:
    """A wooden toy block: on each face a painted frame with a ring or a cross in it."""

    def colour(p: Array) -> Array:
        q = p / half
        axis = np.abs(q).argmax(axis=0)
        a = np.where(axis == 0, q[1], q[0])
        b = np.where(axis == 2, q[1], q[2])
        edge = np.maximum(np.abs(a), np.abs(b))
        frame = (edge > 0.72) & (edge < 0.86)
        ring = np.abs(np.hypot(a, b) - 0.38) < 0.13
        cross = (np.abs(np.abs(a) - np.abs(b)) < 0.16) & (edge < 0.5)
        paint = np.choose(axis, paints)
        wood = wood_grain(p * 2 + 5, vec(0.74, 0.52, 0.3), vec(0.5, 0.3, 0.14))
        return np.where(frame | np.where(axis == 0, cross, ring), paint, wood)

    return colour


def marble_colour(first: Array, second: Array) -> Callable[[Array], Array]:
    """A marble with swirls of two colours."""

    def colour(p: Array) -> Array:
        swirl = np.sin(22 * p[0] + 30 * p[1] + 5 * cloudy(p * 9))
        return mix(first, second, smoothstep(-0.3, 0.3, swirl))

    return colour


# ---------------------------------------------------------------- still life: scene and light


@dataclass(frozen=True)
class Thing:
    """One object on the table, in its own coordinates about `place`."""

    place: Array
    turn: float  # degrees about the upright axis
    reach: float  # radius of a ball about `place` that holds it all
    shape: Shape
    colour: Callable[[Array], Array]
    mirror: float = 0.04  # share of light reflected at a right angle
    sheen: float = 0.0  # strength of a broad highlight, for skins and peels
    bump: Shape | None = None

    def local(self, p: Array) -> Array:
        """World points in the object's own coordinates."""
        x, y, z = p - self.place
        x, z = turned(x, z, np.radians(self.turn))
        return np.stack([x, y, z])

    def distance(self, p: Array) -> Array:
        """Distance of world points from the surface."""
        return self.shape(self.local(p))

    def normal(self, p: Array) -> Array:
        """The surface's outward direction, bumps included, by central differences."""
        step = 0.002

        def field(q: Array) -> Array:
            own = self.local(q)
            return self.shape(own) + (self.bump(own) if self.bump else 0)

        return unit(np.stack([field(p + d) - field(p - d) for d in np.eye(3)[:, :, None] * step]))


RED, BLUE, YELLOW = vec(0.55, 0.04, 0.03), vec(0.03, 0.13, 0.4), vec(0.78, 0.47, 0.03)
WHITE, GREEN, BRASS = vec(0.85, 0.85, 0.82), vec(0.03, 0.28, 0.1), vec(1.0, 0.66, 0.3)

THINGS = [
    Thing(vec(-1.42, 0, -0.55), 0, 2.4, vase(), vase_colour, 0.06),
    Thing(vec(-0.12, 0.5, -0.85), 0, 0.52, ball(0.5), lambda p: BRASS * np.ones_like(p), 0.8),
    Thing(vec(0.95, 0.42, -0.35), 40, 1.1, pear, pear_colour, 0.03, 0.12),
    Thing(vec(-0.55, 0.29, 0.55), 0, 0.62, apple, apple_colour, 0.05, 0.1),
    Thing(vec(0.36, 0.4, 0.6), 0, 0.42, ball(0.4), orange_colour, 0.02, 0.2, orange_bump),
    Thing(vec(1.78, 0.38, 0.1), 33, 0.68, cube(0.38, 0.03), toy_colour(0.38, RED, YELLOW, BLUE)),
    Thing(vec(1.8, 0.99, 0.06), -8, 0.42, cube(0.23, 0.02), toy_colour(0.23, YELLOW, RED, GREEN)),
    Thing(vec(-1.28, 0.15, 0.95), 20, 0.16, ball(0.15), marble_colour(BLUE, WHITE), 0.06),
    Thing(vec(-0.86, 0.13, 1.3), 75, 0.14, ball(0.13), marble_colour(GREEN, YELLOW), 0.06),
    Thing(vec(1.2, 0.14, 1.05), 130, 0.15, ball(0.14), marble_colour(RED, WHITE), 0.06),
]

EYE, TARGET = vec(0.12, 2.35, 6.4), vec(0.12, 0.82, 0)
ZOOM = 2.62  # distance of the picture plane, whose width is 2
TABLE_BACK, TABLE_FRONT = -3.2, 3.4
TO_LIGHT = unit(vec(-0.8, 0.7, 0.2))
LIGHT, SKY, BOUNCE = vec(3.2, 2.8, 2.25), vec(0.29, 0.34, 0.43), vec(0.24, 0.16, 0.1)


def backdrop(direction: Array) -> Array:
    """The wall behind the table: a pool of light fading to the sides."""
    d = unit(direction)
    pool = np.exp(-(((d[0] + 0.06) / 0.27) ** 2 + ((d[1] + 0.13) / 0.2) ** 2))
    return mix(vec(0.012, 0.035, 0.06), vec(0.27, 0.33, 0.34), pool)


def window(d: Array, towards: Array, wide: float, high: float) -> Array:
    """How brightly a window with four panes, seen at `towards`, shines back along unit directions."""
    side = unit(vec(-towards[2, 0], 0, towards[0, 0]))
    upper = np.cross(side, towards, axis=0)
    facing = dot(d, towards)
    ahead = np.maximum(facing, 1e-3)
    a, b = np.abs(dot(d, side) / ahead), np.abs(dot(d, upper) / ahead)
    bars = smoothstep(0.02, 0.04, a) * smoothstep(0.02, 0.04, b)
    return bars * smoothstep(wide, wide - 0.03, a) * smoothstep(high, high - 0.03, b) * (facing > 0)


def room(direction: Array) -> Array:
    """What shiny things mirror: the wall, the room behind the viewer, the window and a fainter one."""
    d = unit(direction)
    behind = vec(0.07, 0.055, 0.045) + vec(0.75, 0.7, 0.62) * smoothstep(-0.3, 0.8, d[1])
    walls = mix(backdrop(d), behind, smoothstep(-0.3, 0.4, d[2]))
    far_window = window(d, unit(vec(0.95, 0.3, 0.35)), 0.18, 0.5)
    return walls + window(d, unit(vec(-0.62, 0.75, 0.5)), 0.34, 0.44) * LIGHT * 3 + far_window * SKY * 5


def ball_span(origin: Array, direction: Array, thing: Thing, margin: float = 0.0) -> tuple[Array, Array]:
    """Where rays enter and leave the ball about a thing; the entry lies behind the exit if they miss it."""
    offset = origin - thing.place
    middle = -dot(offset, direction)
    space = middle**2 - dot(offset, offset) + (thing.reach + margin) ** 2
    half = np.sqrt(np.maximum(space, 0))
    return np.where(space > 0, np.maximum(middle - half, 0), np.inf), middle + half


def march(origin: Array, direction: Array, thing: Thing, limit: Array) -> Array:
    """How far each ray goes before it meets the thing, infinity where it never does before `limit`."""
    entry, leave = ball_span(origin, direction, thing)
    leave = np.minimum(leave, limit)
    found = np.full(entry.shape, np.inf)
    alive = np.flatnonzero(entry < leave)
    reached = entry[alive]
    for _ in range(90):
        gap = thing.distance(origin[:, alive] + direction[:, alive] * reached)
        hit = gap < 5e-4
        found[alive[hit]] = reached[hit]
        reached = reached + gap
        going = ~hit & (reached < leave[alive])
        alive, reached = alive[going], reached[going]
        if not alive.size:
            break
    return found


def shadow(p: Array) -> Array:
    """The share of the lamp that each point sees, with soft edges that widen away from the thing."""
    seen = np.ones(p.shape[1])
    for thing in THINGS:
        entry, leave = ball_span(p, TO_LIGHT, thing, margin=0.35)
        alive = np.flatnonzero((entry < leave) & (leave > 0))
        reached = np.maximum(entry[alive], 0.01)
        worst = np.ones(alive.size)
        for _ in range(40):
            gap = thing.distance(p[:, alive] + TO_LIGHT * reached)
            worst = np.minimum(worst, np.clip(7 * gap / reached, -1, 1))
            reached = np.minimum(reached + np.clip(np.abs(gap), 0.015, 0.12), leave[alive])
        # A smooth rise from fully hidden (-1) to fully seen (1).
        seen[alive] = np.minimum(seen[alive], 0.25 * (1 + worst) ** 2 * (2 - worst))
    return seen


def openness(p: Array, normal: Array) -> Array:
    """How much of the surroundings each point sees: nearby things and the table take some away."""
    hidden = np.zeros(p.shape[1])
    for k, height in enumerate((0.04, 0.1, 0.2, 0.36, 0.6)):
        q = p + normal * height
        gap = np.min([thing.distance(q) for thing in THINGS] + [q[1]], axis=0)
        hidden += np.maximum(height - gap, 0) / height * 0.75**k
    return np.clip(1 - 0.42 * hidden, 0.06, 1)


def light_surface(p: Array, normal: Array, view: Array, colour: Array, sheen: float) -> Array:
    """Diffuse light from lamp, sky and table, and a broad highlight."""
    facing = np.maximum(dot(normal, TO_LIGHT), 0)
    lamp = facing * shadow(p + normal * 0.015)
    around = mix(BOUNCE, SKY, 0.5 + 0.5 * normal[1]) * openness(p, normal)
    half_way = unit(TO_LIGHT - view)
    gleam = sheen * np.maximum(dot(normal, half_way), 0) ** 38 * lamp
    return colour * (LIGHT * lamp * 0.52 + around) + LIGHT * gleam


def add_reflection(result: Array, p: Array, normal: Array, view: Array, mirror: float, tint: Array) -> Array:
    """Mixes in what the surface mirrors, more of it at grazing angles."""
    slope = np.maximum(-dot(view, normal), 0)
    share = mirror + (1 - mirror) * (1 - slope) ** 5 * 0.7
    bounced = unit(view + 2 * slope * normal)
    seen = trace(p + normal * 0.01, bounced, room, depth=1)
    return mix(result, seen * (tint if mirror > 0.5 else 1.0), share)


def shade_table(p: Array, view: Array, depth: int) -> Array:
    """The look of table points."""
    normal = np.zeros_like(p)
    normal[1] = 1
    colour = light_surface(p, normal, view, table_colour(p), 0.0)
    if depth == 0:
        wood = ~on_cloth(p)
        # The grain tilts the varnish a little, which breaks the mirror image up.
        rough = unit(normal + 0.07 * np.stack([noise(p * 97 + k) - 0.5 for k in (0, 9, 18)]))
        part = [a[:, wood] for a in (colour, p, rough, view)]
        colour[:, wood] = add_reflection(*part, mirror=0.02, tint=1.0)
    return colour


def shade_thing(thing: Thing, p: Array, view: Array, depth: int) -> Array:
    """The look of points on a thing."""
    normal, colour = thing.normal(p), thing.colour(thing.local(p))
    result = light_surface(p, normal, view, colour, thing.sheen)
    return add_reflection(result, p, normal, view, thing.mirror, colour) if depth == 0 else result


def trace(origin: Array, direction: Array, surroundings: Callable[[Array], Array], depth: int = 0) -> Array:
    """The light that comes back along each ray; depth 1 is a reflection, which mirrors no further."""
    with np.errstate(divide="ignore"):
        nearest = np.where(direction[1] < 0, -origin[1] / direction[1], np.inf)
    depth_there = origin[2] + np.minimum(nearest, 1e6) * direction[2]
    nearest[(depth_there < TABLE_BACK) | (depth_there > TABLE_FRONT)] = np.inf
    owner = np.where(np.isfinite(nearest), -1, -2)
    for index, thing in enumerate(THINGS):
        found = march(origin, direction, thing, nearest)
        closer = found < nearest
        nearest[closer], owner[closer] = found[closer], index
    result = surroundings(direction)
    for index in np.unique(owner[owner >= -1]):
        mine = owner == index
        p, view = origin[:, mine] + direction[:, mine] * nearest[mine], direction[:, mine]
        seen = shade_table(p, view, depth) if index < 0 else shade_thing(THINGS[index], p, view, depth)
        result[:, mine] = seen
    return result


def camera_rays(x: Array, y: Array) -> Array:
    """Directions through points of the picture plane, x in -1..1 and y upwards."""
    ahead = unit(TARGET - EYE)[:, 0]
    right = np.cross(ahead, [0, 1, 0])
    right /= np.linalg.norm(right)
    upper = np.cross(right, ahead)
    return unit(np.outer(right, x) + np.outer(upper, y) + ahead[:, None] * ZOOM)


def develop(light: Array) -> Array:
    """Film: bright light is held back softly, then gamma for the screen and a touch of contrast."""
    held = light * (1 + light / 6) / (1 + light * 0.55)
    shown = np.clip(held, 0, 1) ** (1 / 2.2)
    return 255 * mix(shown, smoothstep(0, 1, shown), 0.35)


def still_life(width: int = 480, height: int = 320, fine: int = 3) -> Image.Image:
    """The still life, each pixel the mean of fine x fine rays."""
    columns = (np.arange(width * fine) + 0.5) / fine
    bands = []
    for top in range(0, height, 8):  # band by band, which keeps the working set small
        count = min(8, height - top)
        lines = top + (np.arange(count * fine) + 0.5) / fine
        y, x = np.meshgrid(lines, columns, indexing="ij")
        rays = camera_rays(2 * x.ravel() / width - 1, (height - 2 * y.ravel()) / width)
        light = trace(EYE * np.ones_like(rays), rays, backdrop)
        bands.append(np.minimum(light, 4).reshape(3, count, fine, width, fine).mean(axis=(2, 4)))
    return Image.fromarray(to_bytes(develop(np.concatenate(bands, axis=1))).transpose(1, 2, 0))


# ---------------------------------------------------------------- test charts


def zone_plate(size: int = 256) -> Image.Image:
    """Rings that grow finer outwards, up to one pixel per half wave in the middle of each border."""
    x, y = pixel_grid(size, size)
    middle = (size - 1) / 2
    phase = np.pi * ((x - middle) ** 2 + (y - middle) ** 2) / size
    return Image.fromarray(to_bytes(127.5 + 127.5 * np.cos(phase)))


BOARD_MIDDLE, BOARD_TURN, BOARD_SQUARE = (159.3, 127.6), np.radians(17), 24.0


def board_corners() -> Array:
    """The 49 inner corners of the board as rows of x, y."""
    steps = BOARD_SQUARE * np.arange(-3, 4)
    v, u = np.meshgrid(steps, steps, indexing="ij")
    x, y = turned(u.ravel(), v.ravel(), BOARD_TURN)
    return np.stack([x + BOARD_MIDDLE[0], y + BOARD_MIDDLE[1]], axis=1)


def board_tone(x: Array, y: Array) -> Array:
    """The brightness of the turned board at points of the picture."""
    u, v = turned(x - BOARD_MIDDLE[0], y - BOARD_MIDDLE[1], -BOARD_TURN)
    u, v = u / BOARD_SQUARE, v / BOARD_SQUARE
    inside = np.maximum(np.abs(u), np.abs(v)) < 4
    dark = (np.floor(u) + np.floor(v)) % 2 == 0
    return np.where(inside & dark, 42.0, 214.0)


def chessboard(width: int = 320, height: int = 256, fine: int = 9) -> Image.Image:
    """The board, each pixel the mean over a box wider than itself, and a little noise."""
    x, y = pixel_grid(width, height)
    # A box about the pixel's centre leaves the corners where they are.
    offsets = ((np.arange(fine) + 0.5) / fine - 0.5) * 1.7
    tone = sum(board_tone(x + dx, y + dy) for dx in offsets for dy in offsets) / fine**2
    return Image.fromarray(to_bytes(tone + np.random.default_rng(SEED).normal(0, 1.5, tone.shape)))


def gray_16(width: int = 240, height: int = 160) -> Image.Image:
    """A full ramp above a plaque whose whole drawing lies in the low byte."""
    x, y = pixel_grid(width, height)
    ramp = 2048 + (65535 - 4096) * x / (width - 1) + 90 * np.sin(2 * np.pi * y / 8)
    rings = 60 * np.cos(np.hypot(x - 80, y - 120) ** 2 / 45)
    weave = 40 * np.sign(np.sin((x + y) / 4) * np.sin((x - y) / 4))
    plaque = 0x8080 + np.where(x < width * 2 / 3, rings, weave)  # stays within the bytes 0x80xx
    return Image.fromarray(np.rint(np.where(y < height / 2, ramp, plaque)).astype(np.uint16))


# ---------------------------------------------------------------- strokes on paper
#
# The signs of the page are stems, bowls and bars put together like letters; the words mean nothing.
# Heights: 0 is the baseline, 1 the top of small letters, 1.6 an ascender, -0.5 a descender.


def bowl(cx: float, width: float, start: float, stop: float) -> Array:
    """A round part between the baseline and the top of small letters."""
    return arc(cx, 0.5, width, 0.5, start, stop, 10)


def line(*points: tuple[float, float]) -> Array:
    """A straight or bent part through the given points."""
    return np.array(points, dtype=float)


GLYPHS = [  # the parts and the width of each sign
    ([bowl(0.4, 0.4, 40, 320)], 0.75),
    ([bowl(0.4, 0.4, 0, 360)], 0.85),
    ([bowl(0.4, 0.4, 0, 360), line((0.8, 1.6), (0.8, 0))], 0.85),
    ([bowl(0.4, 0.4, 0, 360), line((0, 1.6), (0, 0))], 0.85),
    ([bowl(0.4, 0.4, 0, 360), line((0, 1), (0, -0.5))], 0.85),
    ([bowl(0.4, 0.4, 40, 360), line((0.02, 0.5), (0.8, 0.5))], 0.85),
    ([line((0, 1), (0, 0)), arc(0.35, 0.6, 0.35, 0.4, 0, 180), line((0.7, 0.6), (0.7, 0))], 0.75),
    ([line((0, 1.6), (0, 0)), arc(0.35, 0.6, 0.35, 0.4, 0, 180), line((0.7, 0.6), (0.7, 0))], 0.75),
    ([line((0, 1), (0, 0)), arc(0.35, 0.6, 0.35, 0.4, 60, 180)], 0.6),
    ([line((0, 1), (0, 0))], 0.1),
    ([line((0, 1.6), (0, 0))], 0.1),
    ([line((0.2, 1.5), (0.2, 0.2), (0.35, 0), (0.5, 0)), line((0, 1), (0.48, 1))], 0.5),
    ([line((0, 1), (0.35, 0), (0.7, 1))], 0.7),
    ([line((0, 1), (0.7, 1), (0, 0), (0.7, 0))], 0.7),
    ([line((0, 1), (0.7, 0)), line((0.7, 1), (0, 0))], 0.7),
    ([line((0, 1), (0, 0)), line((0.6, 1), (0, 0.45), (0.6, 0))], 0.6),
]


def draw_word(ink: Array, x: float, baseline: float, signs: Array, size: float, width: float) -> float:
    """Writes signs from x on, and returns where they end."""
    for sign in signs:
        parts, advance = GLYPHS[sign]
        for part in parts:
            draw_stroke(ink, part * (size, -size) + (x, baseline), width)
        x += (advance + 0.45) * size
    return x


def draw_line(ink: Array, rng: Random, baseline: float, stop: float, size: float, width: float) -> None:
    """Fills one line with words up to `stop`."""
    x = 30.0
    while x < stop - 4 * size:
        count = min(rng.integers(2, 9), int((stop - x) / (1.3 * size)))
        x = draw_word(ink, x, baseline, rng.integers(0, len(GLYPHS), count), size, width) + 0.75 * size


def page(width: int = 384, height: int = 256) -> Image.Image:
    """A heading and two paragraphs, on paper lit from the upper left."""
    rng = np.random.default_rng(SEED)
    ink = np.zeros((height, width))
    draw_line(ink, rng, 38, 250, 10.5, 2.3)
    draw_segment(ink, np.array([30.0, 50]), np.array([354.0, 50]), 1.0)
    for row in range(12):
        last = row in (5, 11)
        draw_line(ink, rng, 70 + 14.5 * row + 6 * (row > 5), 200 if last else 356, 5.8, 1.25)
    x, y = pixel_grid(width, height)
    lamp = 1 - 0.3 * smoothstep(0.2, 1.25, np.hypot(x / width - 0.25, y / height - 0.2))
    paper = 238 * lamp + rng.normal(0, 1.2, ink.shape)
    return Image.fromarray(to_bytes(mix(paper, 45 * lamp, ink)))


THREE = [arc(13.2, 9.3, 4.6, 4.2, 205, 425, 16), arc(13.2, 18.2, 5.6, 4.9, -72, 152, 18)]
SEVEN = [line((8.2, 6.6), (13, 6.2), (19.6, 6.0), (17.4, 10.5), (14.6, 16), (12.4, 22.2))]


def digit(strokes: list[Array]) -> Image.Image:
    """White strokes on black with their centre of mass in the middle, as handwritten digits are stored."""
    x, y = pixel_grid(28, 28)
    shift = np.zeros(2)
    for _ in range(2):  # the first drawing only shows where the mass lies
        ink = np.zeros((28, 28))
        for stroke in strokes:
            draw_stroke(ink, stroke + shift, 2.3)
        shift = 13.5 - np.array([(x * ink).sum(), (y * ink).sum()]) / ink.sum()
    return Image.fromarray(to_bytes(255 * ink))


# ---------------------------------------------------------------- shapes with soft edges


def flower(x: Array, y: Array, radius: float) -> Array:
    """Roughly the distance to a flower of five petals."""
    angle = np.arctan2(y, x) + np.pi / 2
    return np.hypot(x, y) - radius * (1 + 0.32 * np.cos(5 * angle))


def pillow(x: Array, y: Array, wide: float, high: float) -> Array:
    """Distance to a rectangle with round corners."""
    return np.hypot(np.maximum(np.abs(x) - wide, 0), np.maximum(np.abs(y) - high, 0)) - 12


def soft_shapes(width: int = 200, height: int = 150) -> Image.Image:
    """Overlapping shapes, whose edges fade out; what is fully transparent is green underneath."""
    x, y = pixel_grid(width, height)
    layers = [  # distance, width of the soft edge, colour, opacity
        (pillow(*turned(x - 140, y - 92, -0.3), 26, 18), 8, (40, 90, 210), 0.9),
        (np.hypot(x - 60, y - 86) - 38, 14, (220, 40, 60), 1.0),
        (np.abs(np.hypot(x - 104, y - 56) - 34) - 7, 4, (250, 190, 30), 0.8),
        (flower(x - 158, y - 38, 20), 3, (170, 60, 190), 1.0),
    ]
    colour, alpha = np.zeros((height, width, 3)), np.zeros((height, width, 1))
    for distance, soft, paint, opacity in layers:
        cover = opacity * smoothstep(soft, -soft, distance)[..., None]
        colour = colour * (1 - cover) + np.array(paint) * cover  # premultiplied
        alpha = alpha * (1 - cover) + cover
    alpha_byte = to_bytes(255 * alpha)
    straight = np.where(alpha_byte > 0, colour / np.maximum(alpha, 1e-6), (0, 255, 0))
    return Image.fromarray(np.concatenate([to_bytes(straight), alpha_byte], axis=2))


# ---------------------------------------------------------------- all of them


PICTURES: dict[str, Callable[[], Image.Image]] = {
    "still-life.png": still_life,
    "zone-plate.png": zone_plate,
    "chessboard.png": chessboard,
    "page.png": page,
    "digit-3.png": lambda: digit(THREE),
    "digit-7.png": lambda: digit(SEVEN),
    "soft-shapes.png": soft_shapes,
    "gray-16.png": gray_16,
}


def write_tables(folder: Path) -> None:
    """Writes the board's corners and the small grid of numbers."""
    rows = [f"{x:.6f},{y:.6f}" for x, y in board_corners()]
    head = "# x,y of the 49 inner corners of chessboard.png, row by row; pixel centres at whole numbers"
    (folder / "chessboard.csv").write_text("\n".join([head, *rows]) + "\n", newline="\n")
    numbers = np.random.default_rng(SEED).integers(0, 10, (5, 7))
    rows = [" ".join(str(n) for n in row) for row in numbers]
    (folder / "grid.txt").write_text("\n".join(["# 5 rows of 7 small numbers", *rows]) + "\n", newline="\n")


def main() -> None:
    """Writes all samples into the folder named on the command line, or beside this script."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    write_tables(folder)
    for name, picture in PICTURES.items():
        picture().save(folder / name, optimize=True)
        print(folder / name)


if __name__ == "__main__":
    main()
