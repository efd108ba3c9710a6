"""Continuous batching: rows of different lengths, rules and steps, added and cancelled at any time, one network.

Rows that come at the same time with the same sampler and length form a canvas; every canvas runs the sampler's own loop
as a generator (`sampling/queries.py`). In each turn all canvases take one step, and what they ask is answered by one
forward pass (`shared_queries`). No rule knows of it, so a row's text is what it would be alone with the same seed.
What a rule asks in the middle of a step, as the probes of punt and wino do, is asked for its canvas alone.

Knows nothing of HTTP, text or time. Not thread-safe: one thread adds, cancels and turns.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch

from unmask.errors import InputError
from unmask.models.predictor import Predictor
from unmask.sampling.canvas import Canvas
from unmask.sampling.model_calls import ModelCalls
from unmask.sampling.queries import Answer, Asking, Query
from unmask.sampling.request import Row
from unmask.sampling.sample import canvas_of, laws_per_row, laws_that_fit, rows_that_fit
from unmask.sampling.sampler import Sampler
from unmask.sampling.step import Step
from unmask.sampling.stream import SampledStep, Watched
from unmask.serving.shared_queries import ask_together, groups


@dataclass(eq=False)
class Job:
    """One row to be filled.

    Attributes:
        row, sampler, seed: what is given, how the rest is sampled, and the row's seed.
        laws: the most laws it can ask for in one step.
        last_step: number of the latest step that was reported, -1 before the first.
        done: whether it is finished, cancelled or has failed.
    """

    row: Row
    sampler: Sampler
    seed: int
    laws: int
    last_step: int = -1
    done: bool = False


@dataclass
class Turn:
    """What one turn has done.

    Attributes:
        news: each job that took a step or failed, with the step or the error.
        rows: rows that took part. forwards: calls of the predictor that their steps shared.
    """

    news: list[tuple[Job, SampledStep | Exception]] = field(default_factory=list)
    rows: int = 0
    forwards: int = 0


class Scheduler:
    """Jobs that wait and jobs that run.

    Args:
        predictor: answers for all of them.
        most_rows: rows that run at the same time; the others wait for their turn, first come, first served.
        gibibytes: memory for the laws of one step, with two temporaries of their size; always enough for one row.
        entropies: report the entropy of every revealed position.

    Examples:
        >>> from unmask.sampling.request import rows_of
        >>> from unmask.serving.scheduler import Scheduler
        >>> model = unmask.oracle(unmask.laws.Permutation(4))
        >>> scheduler, (row,) = Scheduler(model), rows_of(model)
        >>> one = scheduler.add(row, unmask.recipes.one_by_one(), seed=1)
        >>> other = scheduler.add(row, unmask.recipes.threshold(0.9), seed=2)
        >>> turn = scheduler.turn()
        >>> turn.rows, turn.forwards, [len(step.revealed) for _, step in turn.news]
        (2, 1, [1, 1])
    """

    def __init__(
        self, predictor: Predictor, most_rows: int = 64, gibibytes: float = 1.0, entropies: bool = False
    ) -> None:
        if most_rows < 1:
            raise InputError(f"most_rows is {most_rows}; expected at least 1")
        self.predictor, self.most_rows, self.entropies = predictor, most_rows, entropies
        self.most_laws = laws_that_fit(predictor.vocab_size, gibibytes)
        self._waiting: deque[Job] = deque()
        self._runs: list[_Run] = []

    @property
    def waiting(self) -> int:
        """Jobs that have not begun."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """Rows that are being filled."""
        return sum(len(run.alive()) for run in self._runs)

    def add(self, row: Row, sampler: Sampler, seed: int) -> Job:
        """A row that begins with the next turn, or when there is room."""
        job = Job(row, sampler, seed, laws_per_row(sampler, len(row.tokens)))
        self._waiting.append(job)
        return job

    def cancel(self, job: Job) -> None:
        """Take a job out; from the next turn on the network is asked nothing for it."""
        job.done = True
        if job in self._waiting:
            self._waiting.remove(job)

    @torch.no_grad()
    def turn(self) -> Turn:
        """Every running row takes one step."""
        turn = Turn()
        self._runs += self._begun(turn)
        for run in self._runs:
            run.leave()
        self._runs = [run for run in self._runs if run.canvas.unfinished()]
        turn.rows = self.running
        self._take_steps(turn)
        for run in self._runs:
            run.report(turn.news)
        self._after_failures(turn)
        self._runs = [run for run in self._runs if run.canvas.unfinished()]
        return turn

    def _begun(self, turn: Turn) -> Iterator["_Run"]:
        """Canvases of the jobs for which there is room."""
        begins: dict[tuple[int, int], list[Job]] = {}
        rows, laws = self.running, sum(job.laws for run in self._runs for job in run.alive())
        while self._waiting and rows < self.most_rows and (not rows or laws + self._waiting[0].laws <= self.most_laws):
            job = self._waiting.popleft()
            rows, laws = rows + 1, laws + job.laws
            begins.setdefault((len(job.row.tokens), id(job.sampler)), []).append(job)
        for (length, _), jobs in begins.items():
            size = rows_that_fit(jobs[0].laws, self.predictor.vocab_size, length)  # of one canvas
            for first in range(0, len(jobs), size):
                yield from self._started(jobs[first : first + size], turn)

    def _started(self, jobs: list[Job], turn: Turn) -> Iterator["_Run"]:
        """A canvas of these jobs. One that cannot even begin fails alone."""
        try:
            yield _Run(jobs, self.predictor, self.entropies)
        except Exception as error:
            if len(jobs) == 1:
                jobs[0].done = True
                turn.news.append((jobs[0], error))
                return
            for job in jobs:
                yield from self._started([job], turn)

    def _take_steps(self, turn: Turn) -> None:
        """One step of every canvas: their queries are collected and answered, until none asks any more."""
        asking = [(run, query) for run in self._runs if (query := run.begin_step()) is not None]
        while asking:
            further: list[tuple[_Run, Query]] = []
            for numbers in groups([query for _, query in asking], self.predictor):
                runs, queries = zip(*(asking[number] for number in numbers), strict=True)
                turn.forwards += 1
                for run, answer in zip(runs, self._answers(queries), strict=True):
                    query = run.go_on(answer)
                    further += [] if query is None else [(run, query)]
            asking = further

    def _answers(self, queries: Sequence[Query]) -> list[Answer | Exception]:
        """The answer to each query; where the whole cannot be answered, each alone, so that one fails and not all."""
        try:
            return list(ask_together(queries, self.predictor))
        except Exception as error:
            if len(queries) == 1:
                return [error]
            return [answer for query in queries for answer in self._answers([query])]

    def _after_failures(self, turn: Turn) -> None:
        """A canvas that failed: of several rows each begins again alone, where it had come to; a single one is told."""
        for run in [run for run in self._runs if run.error is not None]:
            self._runs.remove(run)
            jobs = run.alive()
            if len(jobs) > 1:
                for job in jobs:
                    self._runs += self._started([job], turn)
            for job in jobs if len(jobs) == 1 else []:
                job.done = True
                assert run.error is not None
                turn.news.append((job, run.error))


class _Run:
    """A canvas and the jobs whose rows it has."""

    def __init__(self, jobs: list[Job], predictor: Predictor, entropies: bool) -> None:
        seeds = torch.tensor([job.seed for job in jobs])
        self.jobs, sampler = jobs, jobs[0].sampler
        self.canvas: Canvas = canvas_of([job.row for job in jobs], seeds, predictor)
        self.canvas.keep_entropies = entropies
        self.door = ModelCalls(predictor, self.canvas)
        self.take_step: Callable[[], Asking[Step]] = sampler.begun(self.canvas, self.door)
        self.watched = Watched(self.canvas, sampler, predictor, torch.arange(len(jobs)))
        self.error: Exception | None = None
        self._step: Asking[Step] | None = None

    def alive(self) -> list[Job]:
        return [job for job in self.jobs if not job.done]

    def leave(self) -> None:
        """Rows whose job was cancelled take no further part."""
        self.canvas.live &= torch.tensor([not job.done for job in self.jobs])

    def begin_step(self) -> Query | None:
        """The first thing that the next step asks; None when it asks nothing and is done."""
        self._step = self.take_step()
        return self._on(lambda step: next(step))

    def go_on(self, answer: Answer | Exception) -> Query | None:
        """The next thing it asks, now that it has this answer."""
        if isinstance(answer, Exception):
            return self._on(lambda step: step.throw(answer))
        return self._on(lambda step: step.send(answer))

    def _on(self, move: Callable[[Asking[Step]], Query]) -> Query | None:
        assert self._step is not None
        try:
            return move(self._step)
        except StopIteration:
            self._step = None
            self._check()
        except Exception as error:
            self.error = error
        return None

    def _check(self) -> None:
        """Whether what was answered so far were laws."""
        try:
            self.door.check()
        except InputError as error:
            self.error = error

    def report(self, news: list[tuple[Job, SampledStep | Exception]]) -> None:
        """What the step has done to each row, unless it was told before."""
        if self.error is not None:
            return
        for step in self.watched.news():
            job = self.jobs[step.row]
            if step.step > job.last_step and not job.done:
                job.last_step, job.done = step.step, step.finished
                news.append((job, replace(step, row=0)))
