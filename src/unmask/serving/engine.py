"""The one thread that has the model: it turns the scheduler, and does what must not happen beside a forward pass.

Requests live on an event loop. They put rows in and take steps out; everything crosses over in two places, `_inbox` and
`_deliver`. A full house is told at once (`Refused`, 429), and a row that nobody waits for is gone before the next step.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from unmask.models.predictor import Predictor
from unmask.sampling.request import Row
from unmask.sampling.sampler import Sampler
from unmask.sampling.stream import SampledStep
from unmask.serving.fields import Refused
from unmask.serving.metrics import Metrics
from unmask.serving.scheduler import Job, Scheduler

Result = TypeVar("Result")
News = SampledStep | Exception


class Ticket:
    """A row that was put in, and the steps that come out."""

    def __init__(self) -> None:
        self.news: asyncio.Queue[News] = asyncio.Queue()
        self.job: Job | None = None  # known to the model's thread alone
        self.done = False


class Engine:
    """Rows in, steps out.

    Args:
        queue_rows: rows that may wait beyond those that run.
    """

    def __init__(self, predictor: Predictor, metrics: Metrics, most_rows: int, queue_rows: int, gibibytes: float):
        self.predictor, self.metrics = predictor, metrics
        self.scheduler = Scheduler(predictor, most_rows, gibibytes, entropies=True)
        self.places = most_rows + queue_rows
        self.taken = 0  # of the places; changed on the event loop alone
        self._tickets: dict[Job, Ticket] = {}
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)

    def start(self) -> None:
        """Begin, from the event loop that requests live on."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        """End the thread; what still runs is given up."""
        self._inbox.put(None)
        await asyncio.to_thread(self._thread.join)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    # -- on the event loop --

    def put_in(self, rows: Sequence[tuple[Row, Sampler, int]]) -> list[Ticket]:
        """Rows with their samplers and seeds, all or none. Raises Refused (429) when there is no place."""
        if self.taken + len(rows) > self.places:
            raise Refused(f"{self.taken} rows are being filled or wait; try again later", None, 429, "queue_full")
        self.taken += len(rows)
        tickets = [Ticket() for _ in rows]

        def add() -> None:
            for ticket, asked in zip(tickets, rows, strict=True):
                ticket.job = self.scheduler.add(*asked)
                self._tickets[ticket.job] = ticket

        self._inbox.put(add)
        return tickets

    def give_up(self, tickets: Sequence[Ticket]) -> None:
        """Nobody waits for these rows any more; those that are finished are not touched."""
        for ticket in tickets:
            if not ticket.done:
                ticket.done = True
                self.taken -= 1

        def cancel() -> None:
            for ticket in tickets:
                if ticket.job is not None and self._tickets.pop(ticket.job, None) is not None:
                    self.scheduler.cancel(ticket.job)

        self._inbox.put(cancel)

    async def call(self, function: Callable[[], Result]) -> Result:
        """What a function that needs the model returns; it is called between two turns."""
        if self.taken >= self.places:
            raise Refused(f"{self.taken} rows are being filled or wait; try again later", None, 429, "queue_full")
        assert self._loop is not None
        loop, found = self._loop, self._loop.create_future()

        def work() -> None:
            if found.cancelled():
                return
            try:
                result: Any = function()
            except Exception as error:
                loop.call_soon_threadsafe(_settle, found, None, error)
            else:
                loop.call_soon_threadsafe(_settle, found, result, None)

        self.taken += 1
        try:
            self._inbox.put(work)
            answer: Result = await found
            return answer
        finally:
            self.taken -= 1

    def _deliver(self, news: list[tuple[Ticket, News]]) -> None:
        for ticket, one in news:
            if (isinstance(one, Exception) or one.finished) and not ticket.done:
                ticket.done = True
                self.taken -= 1
            ticket.news.put_nowait(one)

    # -- on the model's thread --

    def _run(self) -> None:
        scheduler, metrics = self.scheduler, self.metrics
        while self._do_what_was_asked(wait=not (scheduler.waiting or scheduler.running)):
            begin = time.perf_counter()
            turn = scheduler.turn()
            if turn.rows:
                metrics.turned(turn.rows, turn.forwards, time.perf_counter() - begin)
            metrics.standing(scheduler.running, scheduler.waiting)
            news = [(self._tickets[job], one) for job, one in turn.news if job in self._tickets]
            for job, _ in turn.news:
                if job.done:
                    self._tickets.pop(job, None)
            if news and self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._deliver, news)

    def _do_what_was_asked(self, wait: bool) -> bool:
        """Empty the inbox, waiting for something to be in it when there is nothing else to do; False at the end."""
        while True:
            try:
                asked = self._inbox.get(block=wait)
            except queue.Empty:
                return True
            if asked is None:
                return False
            asked()
            wait = False


def _settle(found: "asyncio.Future[Any]", result: Any, error: Exception | None) -> None:
    if not found.done():
        found.set_result(result) if error is None else found.set_exception(error)
