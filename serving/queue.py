"""A queue before the synchronous TAP queries of one process.

DaCHS runs these in the threads of the server, as many at once as there are threads, and whoever comes
later waits, even when nobody wants the answer any more. Here at most so many run as was configured; the
others wait without a thread, leave the queue when their client hangs up, and are told to come again when
they waited too long.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

CHECK_INTERVAL = 0.05
"""Seconds between looks for a free thread: a query goes on in its thread when its client has gone."""


class Queue:
    """Lets requests go on one after the other.

    Parameters
    ----------
    limit
        So many requests run at once.
    patience
        Seconds after which a request that waits is refused.
    busy
        Gives the number of threads that work; a query whose client has gone still has one.
    clock
        twisted's reactor, or what stands for it.
    most
        So many requests wait; further ones are refused at once. The proxy counts those without a body
        before they come here; it cannot count the others, which may be hours in coming.
    """

    def __init__(
        self, limit: int, patience: float, busy: Callable[[], int], clock: Any, most: int = 1000
    ) -> None:
        self.limit, self.patience, self.busy, self.clock, self.most = limit, patience, busy, clock, most
        self.running: set[int] = set()
        self.waiting: OrderedDict[int, tuple[Callable[[], object], Any]] = OrderedDict()
        self._look: Any = None

    def enter(self, request: Any, go: Callable[[], object], refuse: Callable[[], object]) -> None:
        """Let a request go on, at once or later.

        Parameters
        ----------
        request
            A twisted request.
        go
            Called when it is its turn; not if its client hangs up before.
        refuse
            Called instead when it has waited too long, or too many wait.
        """
        if len(self.waiting) >= self.most:
            refuse()
            return
        number = id(request)

        def too_long() -> None:
            self.waiting.pop(number, None)
            refuse()

        def over(result: Any) -> None:
            self.running.discard(number)
            _, alarm = self.waiting.pop(number, (None, None))
            if alarm is not None:
                alarm.cancel()
            self._advance()

        self.waiting[number] = (go, self.clock.callLater(self.patience, too_long))
        request.notifyFinish().addBoth(over)
        self._advance()

    def _advance(self) -> None:
        while self.waiting and len(self.running) < self.limit and self.busy() < self.limit:
            number, (go, alarm) = self.waiting.popitem(last=False)
            alarm.cancel()
            self.running.add(number)
            go()
        if self.waiting and self._look is None:
            self._look = self.clock.callLater(CHECK_INTERVAL, self._look_again)

    def _look_again(self) -> None:
        self._look = None
        self._advance()
