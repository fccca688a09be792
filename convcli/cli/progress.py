"""The bar on standard error: how far a run is, how fast, and how long it will take yet."""

import os
import sys
from collections import Counter, deque
from contextlib import contextmanager
from time import perf_counter

__all__ = ["Bar", "Line", "is_terminal"]

PATIENCE = 0.5  # seconds without a bar: a short run needs none
PLAIN_PAUSE = 10.0  # seconds between two lines where there is no terminal
WINDOW = 50  # the last items, from which the rate is told
WIDTH = 24  # of the bar itself


class Line:
    """A bar with words at the bottom of the terminal, drawn over itself; who says something clears it first."""

    def __init__(self, is_shown: bool):
        self.is_shown, self.is_there = is_shown, False

    def draw(self, done: float, total: float, words: str) -> None:
        """Nothing; the line shows how much of the total is done."""
        if not self.is_shown:
            return
        sys.stdout.flush()  # the same terminal, maybe: first what was said
        room = _columns() - 1
        width = min(WIDTH, room - len(words) - 1)
        if width >= 4:
            full, free = "━╌" if (sys.stderr.encoding or "").lower().startswith("utf") else "=-"
            part = int(done * width // total)
            words = f"{full * part}{free * (width - part)} {words}"
        self.say(f"\r{words[:room]}\x1b[K")
        self.is_there = True

    def clear(self) -> None:
        """Nothing; the line is empty."""
        if self.is_there:
            self.say("\r\x1b[K")
            self.is_there = False

    def say(self, text: str) -> None:
        """Nothing; standard error has the text, where there is somebody to read it."""
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError):  # whoever cannot see it does not miss it
            self.is_shown = False


class Bar:
    """One line at the bottom of the terminal, taken away for every line that is said and at the end.

    Without a terminal, where it is asked for all the same (`is_plain`), a line of its own now and then.
    """

    def __init__(self, total: int, is_shown: bool, is_plain: bool = False, clock=perf_counter):
        self.total, self.line, self.is_plain, self.clock = total, Line(is_shown), is_plain, clock
        self.counts: Counter[str] = Counter()
        self.times: deque[float] = deque([clock()], WINDOW + 1)
        self.next = self.times[0] + (PLAIN_PAUSE if is_plain else PATIENCE)

    @contextmanager
    def item(self, status: str):
        """Nothing; one item more is done, and in the block the line is free for what is said of it."""
        was_there = self.line.is_there
        self.line.clear()
        yield
        self.counts[status] += 1
        self.times.append(self.clock())
        if self.line.is_shown:
            self._draw(was_there)

    def clear(self) -> None:
        """Nothing; the line is empty."""
        self.line.clear()

    def _draw(self, was_there: bool) -> None:
        now = self.times[-1]
        if self.counts.total() == self.total or (now < self.next and not was_there):
            return
        if self.is_plain:
            self.next = now + PLAIN_PAUSE
            self.line.say(f"{self._words(now)}\n")
        else:
            self.line.draw(self.counts.total(), self.total, self._words(now))

    def _words(self, now: float) -> str:
        done = self.counts.total()
        words = [f"{done} of {self.total}"]
        if self.counts["failed"]:
            words.append(f"{self.counts['failed']} failed")
        span = now - self.times[0]
        if len(self.times) > 1 and span > 0:
            rate = (len(self.times) - 1) / span
            words.append(f"{rate:.1f}/s" if rate < 100 else f"{rate:.0f}/s")
            words.append(f"{_duration((self.total - done) / rate)} left")
        return ", ".join(words)


def is_terminal() -> bool:
    """True where standard error can draw over a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _columns() -> int:
    """Asked each time: windows change."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _duration(seconds: float) -> str:
    """As a clock has it.

    >>> _duration(5.2), _duration(83), _duration(3 * 3600 + 62)
    ('0:06', '1:23', '3:01:02')
    """
    whole = int(-(-seconds // 1))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
