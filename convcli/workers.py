"""Threads that work ahead, and what they made in the order in which it was asked for."""

from collections.abc import Callable
from threading import Condition, Thread

__all__ = ["Workers"]


class Workers:
    """Threads that work ahead on the targets, and their outcomes, `work(target)`, in the order of the targets.

    A decoder, an encoder and a long numpy call let other threads run, so threads are enough; one alone is worth it
    too, since a signal is then heard during the longest call. Nobody is more than a few pictures ahead, so that memory
    does not grow with the run, and a run that stops at a failure has not done much more by then.
    """

    def __init__(self, jobs: int, work: Callable, targets: list):
        self.work, self.waiting = work, iter(enumerate(targets))
        self.outcomes: dict[int, object] = {}
        self.given, self.total, self.ahead = 0, len(targets), 2 * jobs if jobs > 1 else 1
        self.changed, self.is_over = Condition(), False
        self.threads = [Thread(target=self._loop, daemon=True) for _ in range(jobs)]

    def _loop(self) -> None:
        while True:
            with self.changed:
                index, target = next(self.waiting, (None, None))
                while index is not None and index >= self.given + self.ahead and not self.is_over:
                    self.changed.wait()
                if index is None or self.is_over:
                    return
            try:
                outcome = self.work(target)
            except BaseException as error:  # it belongs to whoever asks for the outcome
                outcome = error
            with self.changed:
                self.outcomes[index] = outcome
                self.changed.notify_all()

    def __iter__(self):
        self.threads = self._started()
        for index in range(self.total):
            yield self._outcome(index)
            with self.changed:
                self.given = index + 1
                self.changed.notify_all()

    def _started(self) -> list[Thread]:
        """The threads that the system lets us have."""
        started = []
        for thread in self.threads:
            try:
                thread.start()
            except RuntimeError:
                if not started:
                    raise MemoryError from None
                break
            started.append(thread)
        return started

    def wind_up(self) -> None:
        """Waits for what is under way; nothing more is begun."""
        with self.changed:
            self.is_over = True
            self.changed.notify_all()
        for thread in self.threads:
            thread.join()

    def done(self):
        """The outcomes that nobody asked for."""
        with self.changed:
            self.is_over = True
            left = [self.outcomes.pop(index) for index in sorted(self.outcomes)]
        yield from (outcome for outcome in left if not isinstance(outcome, BaseException))

    def _outcome(self, index: int):
        with self.changed:
            while index not in self.outcomes:
                self.changed.wait()
            outcome = self.outcomes.pop(index)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome
