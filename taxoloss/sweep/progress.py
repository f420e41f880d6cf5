"""How far a sweep is: a live bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import logging
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

__all__ = ["Counter"]

_SECONDS_A_LINE = 15.0
_LOG = logging.getLogger(__name__)


class Counter:
    """Counts cells and shows them on standard error: done, running, failed, time left.

    Args:
        total: of the sweep.
        done: of these, done before.
        workers: cells at once, for the time left.
        shown: whether anything is printed.
    """

    def __init__(self, total: int, done: int, workers: int, shown: bool = True) -> None:
        self.total, self.done, self.workers = total, done, workers
        self.running = self.failed = self.waiting = 0
        self._shown, self._seconds, self._measured = shown, 0.0, 0
        self._last, self._last_words = time.monotonic(), ""
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._console: Console | None = None

    def __enter__(self) -> Counter:
        if self._shown:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            self._console = Console(stderr=True)
            if self._console.is_terminal:
                columns = (
                    TextColumn("{task.description}"),
                    BarColumn(None),
                    TextColumn("{task.fields[left]}"),
                )
                self._bar = Progress(*columns, console=self._console, transient=True)
                self._bar.start()
                self._task = self._bar.add_task(self._words(), total=self.total, left="")
            elif self.done:
                self._line()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if kind is None and self._console is not None and self._last_words != self._words():
            self._line()  # how it ended, also where other processes did the last cells

    def ended(self, seconds: float | None) -> None:
        """A cell was trained, in so many seconds; None: it failed."""
        if seconds is None:
            self.failed += 1
        else:
            self.done += 1
            self._seconds, self._measured = self._seconds + seconds, self._measured + 1
        self.show(now=self.done + self.failed == self.total)

    def show(self, now: bool = False) -> None:
        """Brings the bar up to date; prints a line where the last one is some time ago."""
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task, completed=self.done, description=self._words(), left=f"{self._left()} left"
            )
        elif self._console is not None and (now or time.monotonic() - self._last > _SECONDS_A_LINE):
            self._line()

    def say(self, text: str) -> None:
        """Prints words above the bar."""
        if self._console is not None:
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Says words that count where nothing is shown too: there by logging."""
        if self._shown:
            self.say(text)
        else:
            _LOG.warning("%s", text)

    def _line(self) -> None:
        self._last = time.monotonic()
        left = f", {self._left()} left" if self._measured and self.done < self.total else ""
        self._last_words = self._words()
        self.say(self._last_words + left)

    def _words(self) -> str:
        parts = [f"{self.done:,} of {self.total:,} cells done"]
        for count, word in ((self.running, "running"), (self.failed, "failed")):
            parts += [f"{count:,} {word}"] if count else []
        parts += [f"{self.waiting:,} with another process"] if self.waiting else []
        return ", ".join(parts)

    def _left(self) -> str:
        """The time that the cells that are not done take at the mean of those trained here."""
        if not self._measured:
            return "?"
        cells = self.total - self.done - self.failed
        seconds = round(cells * self._seconds / self._measured / self.workers)
        hours, minutes = seconds // 3600, seconds // 60 % 60
        return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds % 60:02} s"
