"""`sample`: rows in, text out. Puts rows into batches, runs the sampler's loop on each, and gathers what came out."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unmask.display import Displayed
from unmask.errors import InputError
from unmask.models.predictor import Predictor
from unmask.models.words import decoded
from unmask.sampling.canvas import Canvas
from unmask.sampling.model_calls import ModelCalls
from unmask.sampling.randomness import row_seeds
from unmask.sampling.request import Row, counted, rows_of
from unmask.sampling.rule_names import as_sampler
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import PlanSizes
from unmask.sampling.step import Step
from unmask.sampling.trace import Trace
from unmask.theory.reveal_plan import RevealPlan
from unmask.theory.schedule import Schedule


@dataclass(frozen=True)
class Output(Displayed):
    """What was sampled.

    Attributes:
        tokens: (n, L) int64 on the CPU; rows shorter than the longest are padded with -1.
        given: (n, L) bool; prompt and infill context.
        log_probs: (n, L) float32; log-probability with which each token was drawn, nats; 0 where none was.
        network_calls: (n,) int64; network calls each row cost, one after another.
        canvases: (n,) int64; canvases the network was asked about for each row. As many as calls, unless a rule asks
            about several canvases of a row in one call (exact parallel sampling).
        steps: (n,) int64; steps each row took.
        lengths: (n,) int64; canvas length of each row.
        seeds: (n,) int64; the seed of each row.
        trace: what happened, step by step.
        sampler: the sampler that was run.
        end: (n,) int64; drawn tokens up to and including the first end of text.
        notes: roundings and the like.
        predictor: what it was sampled from, which knows the words of `texts`.

    Examples:
        >>> model = unmask.oracle(unmask.laws.Permutation(4))
        >>> out = unmask.sample(model, unmask.Schedule([2, 2]), n=3, seed=0)
        >>> out.network_calls.tolist(), out.tokens_per_call
        ([2, 2, 2], 2.0)
    """

    tokens: Tensor
    given: Tensor
    log_probs: Tensor
    network_calls: Tensor
    canvases: Tensor
    steps: Tensor
    lengths: Tensor
    seeds: Tensor
    trace: Trace
    sampler: Sampler
    end: Tensor
    notes: tuple[str, ...] = ()
    predictor: Predictor | None = field(default=None, repr=False, compare=False)

    def rows(self) -> list[list[int]]:
        """The tokens of each row, without padding."""
        return [row[:length].tolist() for row, length in zip(self.tokens, self.lengths.tolist(), strict=True)]

    @property
    def texts(self) -> list[str]:
        """The text of each row, prompt included; token ids where the model has no words."""
        return [decoded(self.predictor, row) for row in self.rows()]

    @property
    def log_prob(self) -> Tensor:
        """(n,) float64 log-probability of each row's tokens as drawn, given its positions, nats."""
        return self.log_probs.double().sum(1)

    @property
    def tokens_per_call(self) -> float:
        """Drawn tokens for each network call."""
        return int((self.tokens.ge(0) & ~self.given).sum()) / int(self.network_calls.sum())

    @property
    def tokens_before_end_per_call(self) -> float:
        """The same without what comes after the end of the text, which engines like to count."""
        return int(self.end.sum()) / int(self.network_calls.sum())

    def to_dict(self) -> dict[str, Any]:
        return {
            "sampler": self.sampler.name,
            "tokens": self.rows(),
            "network_calls": self.network_calls.tolist(),
            "canvases": self.canvases.tolist(),
            "steps": self.steps.tolist(),
            "log_prob": self.log_prob.tolist(),
            "tokens_per_call": self.tokens_per_call,
            "tokens_before_end_per_call": self.tokens_before_end_per_call,
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        n, length = self.tokens.shape
        lines = [
            f"Output(rows={n}, length={length}, sampler={self.sampler.name or 'unnamed'}, "
            f"calls={float(self.network_calls.sum()) / n:.1f}/row, tokens per call={self.tokens_per_call:.2f})"
        ]
        lines += [f"  {text[:100]!r}{' …' if len(text) > 100 else ''}" for text in self.texts[:4]]
        lines += [f"  … {n - 4} rows more"] if n > 4 else []
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])


def sample(
    predictor: Predictor,
    sampler: str | Sampler | RevealPlan | Schedule,
    n: int | None = None,
    *,
    seed: int = 0,
    seeds: Any = None,
    prompt: Any = None,
    infill: str | tuple[Any, Any] | None = None,
    length: int | None = None,
    new_tokens: int | None = None,
    batch_size: int | None = None,
    entropies: bool = False,
) -> Output:
    """Sample text.

    Args:
        predictor: `unmask.load(path)`, `unmask.oracle(law)`, or anything that meets the protocol.
        sampler: a rule's name ("threshold:0.9"), a recipe of `unmask.recipes`, a plan, or a schedule (revealed in
            uniformly random order).
        n: number of rows; 1 unless prompts or infillings say otherwise.
        seed: row r gets a seed derived from (seed, r).
        seeds: (n,) explicit row seeds instead; a row depends on its own seed alone.
        prompt, infill, length, new_tokens: what is given and how much is to be filled: `prompt="The"`, or
            `infill="The [MASK] sat"`, or token ids (see `request.rows_of`).
        batch_size: rows that go through the network together; by default, and on a CPU at most, as many as fit in about
            a gibibyte of laws. It changes no row.
        entropies: put the entropy of every revealed position into the trace, also where the rule does not need it.

    Returns:
        Output: tokens, network calls, log-probabilities and the trace.

    Raises:
        InputError: bad arguments, or a predictor that returns NaN or the wrong shape. Nothing is returned half-done.

    Examples:
        >>> model = unmask.oracle(unmask.laws.Permutation(4))
        >>> out = unmask.sample(model, unmask.recipes.one_by_one(), n=2, seed=0)
        >>> [sorted(row) for row in out.rows()]
        [[0, 1, 2, 3], [0, 1, 2, 3]]
        >>> unmask.sample(model, "threshold:0.9", infill="3 [MASK] [MASK] 0", seed=1).texts
        ['3 2 1 0']
    """
    asked = asked_for(predictor, sampler, n, seed, seeds, prompt, infill, length, new_tokens, batch_size)
    done = []  # (names of the rows, finished canvas)
    for names, canvas, steps in runs(asked, entropies):
        for step in steps:
            del step  # its conditionals, before the next ones are asked for
        done.append((names, canvas))
    return _gather(done, asked)


@dataclass(frozen=True)
class Asked:
    """What `sample` and `stream` were asked for, checked.

    Attributes:
        rows, seeds: what is given, and (n,) int64 the seed of each row.
        batches: the rows that go through the network together.
    """

    predictor: Predictor
    sampler: Sampler
    rows: list[Row]
    seeds: Tensor
    batches: list[list[int]]


def asked_for(
    predictor: Predictor,
    sampler: Sampler | RevealPlan | Schedule | str,
    n: int | None,
    seed: int,
    seeds: Any,
    prompt: Any,
    infill: tuple[Any, Any] | str | None,
    length: int | None,
    new_tokens: int | None,
    batch_size: int | None,
) -> Asked:
    """The arguments of `sample`, checked. Raises InputError before anything is sampled."""
    sampler = as_sampler(sampler).fitting(predictor)
    if length is None and new_tokens is None and predictor.length is None and infill is None:
        new_tokens = plan_length(sampler)
    rows = rows_of(predictor, n, prompt, infill, length, new_tokens)
    row_seeds = check_seeds(seeds, seed, len(rows))
    return Asked(predictor, sampler, rows, row_seeds, batches(rows, sampler, predictor, batch_size))


def runs(asked: Asked, entropies: bool) -> Iterator[tuple[Tensor, Canvas, Iterator[Step]]]:
    """Each batch: the names of its rows, its canvas, and the loop that fills it, to be gone through step by step."""
    for names in asked.batches:
        canvas = canvas_of([asked.rows[name] for name in names], asked.seeds[names], asked.predictor)
        canvas.keep_entropies = entropies
        yield torch.tensor(names), canvas, asked.sampler.steps(canvas, ModelCalls(asked.predictor, canvas))


def plan_length(sampler: Sampler) -> int | None:
    """The number of tokens the sampler's plan reveals, if it follows one."""
    return sampler.selection.plan.length if isinstance(sampler.selection, PlanSizes) else None


def check_seeds(seeds: Any, seed: int, n: int, salt: int = 0) -> Tensor:
    """(n,) int64 row seeds: the ones given, or derived from one seed."""
    if seeds is None:
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise InputError(f"seed is {seed!r}; expected a whole number")
        return row_seeds(seed, n, salt)
    given = torch.as_tensor(seeds)
    if given.shape != (n,) or given.is_floating_point():
        raise InputError(f"seeds has shape {tuple(given.shape)}; expected {n} whole numbers, one a row")
    return given.to(torch.int64).cpu()


def batches(
    rows: list[Row], sampler: Sampler, predictor: Predictor, batch_size: int | None, limited: bool = True
) -> list[list[int]]:
    """Row numbers, put together by canvas length and cut to size.

    On a CPU rows gain little by going together, so there `batch_size` is an upper limit and memory decides; elsewhere
    it is obeyed. `limited=False` obeys it everywhere, where nothing is asked about the rows at once.
    """
    if batch_size is not None and batch_size < 1:
        raise InputError(f"batch_size is {batch_size}; expected at least 1")
    by_length: dict[int, list[int]] = {}
    for number, row in enumerate(rows):
        by_length.setdefault(len(row.tokens), []).append(number)
    cut = []
    for length, numbers in by_length.items():
        canvases = 1 if sampler.speculation is None else min(sampler.speculation.largest, length)
        fitting = rows_that_fit(laws_per_row(sampler, length), predictor.vocab_size, length * canvases)
        size = fitting if batch_size is None else batch_size
        if torch.device(predictor.device).type == "cpu" and limited:
            size = min(size, fitting)
        cut += [numbers[begin : begin + size] for begin in range(0, len(numbers), size)]
    return cut


def laws_per_row(sampler: Sampler, length: int) -> int:
    """The most laws one row can ask for in one step."""
    if sampler.speculation is not None:
        drafted = min(sampler.speculation.largest, length)
        return drafted * (min(drafted, length - 1) + 1)
    return max(1, sampler.selection.largest(length)) if sampler.chooses_ahead else length


def laws_that_fit(vocab_size: int, gibibytes: float = 1.0) -> int:
    """Laws that fit in so much memory together with two temporaries of their size; at least 1."""
    return max(1, int(gibibytes * 2**30 / (12 * vocab_size)))


def rows_that_fit(laws: int, vocab_size: int, length: int) -> int:
    """Rows of so many laws each that go through the network together: at most 65,536 positions, at least 1 row."""
    return max(1, min(laws_that_fit(vocab_size) // laws, 2**16 // length))


def canvas_of(rows: list[Row], seeds: Tensor, predictor: Predictor) -> Canvas:
    """A canvas of rows of one length."""
    filler = 0 if predictor.mask_token_id is None else predictor.mask_token_id
    tokens = torch.stack([row.tokens for row in rows])
    known = torch.stack([row.known for row in rows])
    canvas = Canvas(tokens, known, seeds, filler, torch.device(predictor.device))
    canvas.block_size = getattr(predictor, "block_size", None)
    return canvas


def _gather(done: list[tuple[Tensor, Canvas]], asked: Asked) -> Output:
    """Results of all batches, rows in the order they were asked for."""
    rows, end_of_text = asked.rows, asked.predictor.end_of_text_id
    n, longest = len(rows), max(len(row.tokens) for row in rows)
    tokens = torch.full((n, longest), -1)
    given = torch.zeros(n, longest, dtype=torch.bool)
    log_probs = torch.zeros(n, longest)
    network_calls, canvases, steps = (torch.zeros(n, dtype=torch.int64) for _ in range(3))
    notes: dict[str, None] = {}
    for names, canvas in done:
        tokens[names, : canvas.length] = canvas.tokens.cpu()
        given[names, : canvas.length] = canvas.frozen.cpu()
        log_probs[names, : canvas.length] = canvas.log_probs.cpu()
        network_calls[names], canvases[names], steps[names] = canvas.calls, canvas.canvases, canvas.steps
        notes.update(dict.fromkeys(canvas.notes))
    lengths = torch.tensor([len(row.tokens) for row in rows])
    trace = Trace.joined([(canvas.trace, names) for names, canvas in done])
    texts = zip(tokens, tokens.ge(0) & ~given, strict=True)
    end = torch.tensor([counted(row, mask, end_of_text) for row, mask in texts])
    return Output(
        tokens, given, log_probs, network_calls, canvases, steps, lengths, asked.seeds, trace, asked.sampler, end,
        tuple(notes), asked.predictor,
    )  # fmt: skip
