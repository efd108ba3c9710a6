"""Exact parallel sampling: drafts of several tokens, verified by one batch of canvases a round.

A sampler that reveals one token at a time in an order that does not read the model asks for L canvases, one after
another. Here each round drafts the next k tokens of that order from conditionals that are at hand, asks in one batch
for the k canvases in which 0, 1, …, k - 1 of them are shown, and keeps what verification lets stand (`verification`).
The last canvas whose tokens all stand is at hand for the next round. The tokens have exactly the law of one at a time
in that order, for any network, consistent or not: what is saved is rounds, what is paid is canvases.

From Leviathan et al. (arXiv 2211.17192) and, for any-order models, Guo & Ermon (arXiv 2504.20456); bounds on the rounds
in Anari et al. (arXiv 2511.07869).
"""

import copy
import itertools
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.models.predictor import Positions, Predictor
from unmask.sampling import verification
from unmask.sampling.canvas import Canvas
from unmask.sampling.chosen_ahead import ChosenAhead
from unmask.sampling.draft_sizes import Speculation
from unmask.sampling.draws import Categorical, Forced, categorical
from unmask.sampling.model_calls import ModelCalls
from unmask.sampling.queries import Asking
from unmask.sampling.randomness import ACCEPT, REDRAW_CHUNK, REDRAW_WITHIN, uniforms
from unmask.sampling.step import Step


class Speculating:
    """One run: the ranks of all positions, and the conditionals the next drafts are drawn from.

    Attributes:
        rank: (R, L) when the order's turn of each position comes, from 0; -1 where given.
        total: tokens to be revealed in each row. revealed: those that stand.
    """

    def __init__(self, sampler: Any, canvas: Canvas, predictor: Predictor) -> None:
        self.sampler = sampler
        self.speculation: Speculation = sampler.speculation
        if sampler.shape.has_memory or sampler.reading.has_memory or sampler.stop.commits:
            raise InputError(f"{sampler.name or 'the sampler'} cannot speculate: a part of it remembers earlier steps")
        rank = ChosenAhead(sampler, canvas).step_of
        self.total: list[int] = (rank >= 0).sum(1).tolist()
        self.revealed = [0] * canvas.rows
        self.rank = rank.to(canvas.device)
        self.column_of = torch.where(rank < 0, canvas.length, rank).argsort(dim=1, stable=True).to(canvas.device)
        self._reach = self._reaches(getattr(predictor, "block_size", None) or canvas.length)
        self._hand: Tensor | None = None  # (H, V) conditionals drafts are drawn from, row by row
        self._hand_start = torch.zeros(canvas.rows, dtype=torch.int64)

    def _reaches(self, block_size: int) -> list[list[int]]:
        """For each row and revealed count, how many next ranks the last token's canvas could be asked about.

        A block-causal network answers inside one block of `block_size` columns; the next one begins without a draft.
        """
        found = []
        for columns, total in zip(self.column_of.cpu().numpy(), self.total, strict=True):
            blocks = columns[:total] // block_size
            ends, end = np.zeros(total, dtype=np.int64), total
            for rank in reversed(range(total)):
                end = rank + 1 if rank + 1 < total and blocks[rank + 1] != blocks[rank] else end
                ends[rank] = end
            found.append([0, *(ends - np.arange(1, total + 1)).tolist()])
        return found

    def drafts(self, row: int, revealed: int) -> int:
        """Tokens drafted when so many stand; 0 before the first answer, and when all stand."""
        return min(self.speculation.size(revealed), self._reach[row][revealed])

    def looking(self, canvas: Canvas, door: ModelCalls) -> Asking[Step]:
        """One round: draft, ask, verify. The step that is returned reveals what stands."""
        rows = canvas.live.nonzero().squeeze(1).tolist()
        round_ = _Round(self, canvas, rows)
        laws, shaped, step = yield from round_.asking(door)
        tokens, counts = round_.verified(shaped)
        if self.sampler.stop.reads_tokens:
            counts = self._until_stopped(canvas, door, round_, tokens, counts)
        self._keep(round_, shaped, counts)
        self._fill(step, round_, laws, shaped, tokens, counts)
        return step

    def _until_stopped(
        self, canvas: Canvas, door: ModelCalls, round_: "_Round", tokens: Tensor, counts: Tensor
    ) -> Tensor:
        """(A,) the counts cut where the stop would have ended a row that is revealed token by token."""
        cut = counts.clone()
        for count in range(1, int(counts.max())):
            ahead = copy.copy(canvas)
            ahead.tokens, ahead.known, ahead.remaining = canvas.tokens.clone(), canvas.known.clone(), canvas.remaining
            for place in range(count):
                ahead.tokens[round_.device_rows, round_.columns[:, place]] = tokens[:, place]
                ahead.known[round_.device_rows, round_.columns[:, place]] = True
            ended = self.sampler.stop(self.sampler.opened(ahead, door))[round_.rows].to(cut.device) & (counts > count)
            cut = torch.where(ended & (cut > count), count, cut)
        return cut

    def _keep(self, round_: "_Round", shaped: Tensor, counts: Tensor) -> None:
        """Put by the conditionals of the last canvas whose tokens all stand, at the ranks that are drafted next."""
        starts, lengths = [], []
        for number, count in enumerate(counts.tolist()):
            row = round_.rows[number]
            self.revealed[row] += count
            last = round_.first[number] + count - 1  # the canvas that shows every token but the one before the next
            starts.append(round_.law_start[last] + 1)
            lengths.append(self.drafts(row, self.revealed[row]))
        sizes = torch.tensor(lengths)
        offsets = sizes.cumsum(0) - sizes
        self._hand_start[round_.rows] = offsets
        inside = torch.arange(int(sizes.sum())) - torch.repeat_interleave(offsets, sizes)
        self._hand = shaped[(torch.repeat_interleave(torch.tensor(starts), sizes) + inside).to(shaped.device)]

    def _fill(self, step: Step, round_: "_Round", laws: Tensor, shaped: Tensor, tokens: Tensor, counts: Tensor) -> None:
        """What `Sampler.reveal` reads of a step."""
        canvas = step.canvas
        stands = torch.arange(tokens.shape[1], device=counts.device) < counts[:, None]
        which, place = stands.nonzero(as_tuple=True)
        step.positions = Positions(round_.device_rows[which], round_.columns[which, place])
        at = round_.verify_at[which, place]
        step.log_probs, step.shaped, step.draft = laws[at], shaped[at], tokens[which, place]
        step.picked = torch.zeros_like(canvas.known)
        step.picked[step.positions.rows, step.positions.columns] = True

    def hand(self, rows: Tensor, places: Tensor) -> Tensor:
        """(N, V) the conditionals at hand for the next ranks of some rows; (N,) rows and (N,) places from 0."""
        assert self._hand is not None
        return self._hand[(self._hand_start[rows.cpu()] + places.cpu()).to(self._hand.device)]


class _Round:
    """One round of the rows that are not finished: A rows, P canvases, at most K drafted tokens a row."""

    def __init__(self, run: Speculating, canvas: Canvas, rows: list[int]) -> None:
        self.run, self.canvas, self.rows = run, canvas, rows
        device = canvas.device
        shown = [run.revealed[row] for row in rows]
        drafts = [run.drafts(row, done) for row, done in zip(rows, shown, strict=True)]
        sizes = [max(1, size) for size in drafts]  # without a draft one canvas is asked about
        self.drafted_rows = torch.tensor([size > 0 for size in drafts], device=device)
        self.size, self.most = torch.tensor(sizes, device=device), max(sizes)
        self.device_rows = torch.tensor(rows, device=device)
        self.first = [0, *itertools.accumulate(sizes)][:-1]  # number of each row's first canvas
        owner, place, asked = [], [], []
        for number, (row, done, size) in enumerate(zip(rows, shown, sizes, strict=True)):
            for step in range(size):
                owner.append(number)
                place.append(step)
                asked.append(1 + run.drafts(row, done + step + 1))
        self.owner, self.place = torch.tensor(owner, device=device), torch.tensor(place, device=device)
        laws_of = torch.tensor(asked)
        self.law_start = (laws_of.cumsum(0) - laws_of).tolist()  # each canvas: the law to verify, then the next drafts'
        self._laws_of = laws_of.to(device)
        self.shown = torch.tensor(shown, device=device)
        ahead = (self.shown[:, None] + torch.arange(self.most, device=device)).clamp(max=canvas.length - 1)
        self.columns = run.column_of[self.device_rows].gather(1, ahead)  # (A, K)
        at = torch.tensor(self.first, device=device)[:, None] + torch.arange(self.most, device=device)
        starts = torch.tensor(self.law_start, device=device)
        self.verify_at = starts[at.clamp(max=len(starts) - 1)]  # (A, K) the law each drafted token is verified with
        self.drafted = self._draft()

    def _draft(self) -> Tensor:
        """(A, K) tokens drawn from the conditionals at hand; where there are none yet, what stands there is refused."""
        canvas, run = self.canvas, self.run
        drafted = torch.zeros_like(self.columns)
        inside = torch.arange(self.most, device=canvas.device) < self.size[:, None]
        which, place = (inside & self.drafted_rows[:, None]).nonzero(as_tuple=True)
        self._at_hand = (which, place)
        if len(which):
            where = Positions(self.device_rows[which], self.columns[which, place])
            self._hand_laws = run.hand(where.rows, place)
            drafted[which, place] = run.sampler.draw(self._hand_laws, where, canvas)
        return drafted

    def asking(self, door: ModelCalls) -> Asking[tuple[Tensor, Tensor, Step]]:
        """The conditionals of all canvases, as they are and as they are drawn from, (N, V) each, and the new step."""
        canvas, run = self.canvas, self.run
        rows = self.device_rows
        kept = self.shown[self.owner] + self.place
        known = run.rank[rows][self.owner] < kept[:, None]  # (P, L)
        inside = torch.arange(self.most, device=canvas.device) < self.size[:, None]
        which, place = inside.nonzero(as_tuple=True)
        drafted = canvas.tokens[rows]
        drafted[which, self.columns[which, place]] = self.drafted[which, place]
        tokens = torch.where(known, drafted[self.owner], canvas.tokens[rows][self.owner])
        pair = torch.repeat_interleave(self._laws_of)
        starts = torch.tensor(self.law_start, device=canvas.device)
        ranks = kept[pair] + torch.arange(len(pair), device=canvas.device) - starts[pair]
        columns = run.column_of[rows][self.owner[pair], ranks]
        charged = torch.tensor(self.rows)[self.owner.cpu()]
        laws = yield from door.asking(tokens, known, Positions(pair, columns), charged, together=True)
        door.check()
        step = run.sampler.opened(canvas, door)
        where = Positions(rows[self.owner[pair]], columns)
        laws = run.sampler.reading(laws, where, step)
        return laws, run.sampler.shape(laws, where, step), step

    def verified(self, shaped: Tensor) -> tuple[Tensor, Tensor]:
        """(A, K) tokens and (A,) how many of them stand: those accepted, and the one drawn in place of a refused."""
        sampler, canvas = self.run.sampler, self.canvas
        ratios, p, q = self._ratios(shaped)
        if isinstance(sampler.draw, Categorical | Forced):
            accepted, weight = self._accepted(ratios, p, q)
        else:  # a draw without chance: a token stands when it is the one that would be drawn
            which, place = self._at_hand
            same = torch.zeros_like(self.drafted, dtype=torch.bool)
            where = Positions(self.device_rows[which], self.columns[which, place])
            same[which, place] = sampler.draw(p[which, place], where, canvas) == self.drafted[which, place]
            accepted, weight = same.long().cumprod(1).sum(1), torch.ones_like(ratios)
        tokens = self.drafted.clone()
        refused = (accepted < self.size).nonzero().squeeze(1)
        place = accepted[refused]
        where = Positions(self.device_rows[refused], self.columns[refused, place])
        if isinstance(sampler.draw, Categorical):
            rest = verification.residual(p[refused, place], q[refused, place], weight[refused, place][:, None])
            seeds = canvas.seeds[where.rows]
            first = uniforms(seeds, canvas.step, where.columns, REDRAW_CHUNK)
            second = uniforms(seeds, canvas.step, where.columns, REDRAW_WITHIN)
            tokens[refused, place] = categorical(rest.log(), first, second)
        else:
            tokens[refused, place] = sampler.draw(p[refused, place], where, canvas)
        return tokens, accepted + (accepted < self.size)

    def _ratios(self, shaped: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(A, K) log p - log q of the drafted tokens, and (A, K, V) p and q, normalised logarithms."""
        p = shaped[self.verify_at].log_softmax(-1)
        q = torch.full_like(p, -torch.inf)
        which, place = self._at_hand
        if len(which):
            q[which, place] = self._hand_laws.log_softmax(-1)
        ratios = torch.full(self.drafted.shape, -torch.inf, dtype=torch.float64, device=p.device)
        token = self.drafted[which, place]
        ratios[which, place] = (p[which, place, token] - q[which, place, token]).double()
        return ratios, p, q

    def _accepted(self, ratios: Tensor, p: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
        """(A,) how many drafted tokens stand, and (A, K) the weight that the law after each run of them has."""
        rule = self.run.speculation.verification
        if isinstance(self.run.sampler.draw, Forced):  # the tokens are known: how many of them a draft would have given
            inside = torch.arange(self.most, device=ratios.device) < self.size[:, None]
            stood = self._chance(verification.survival(ratios, rule), self.columns[:, :1]) & inside
            return torch.where(self.drafted_rows, stood.sum(1), 0), torch.ones_like(ratios)
        weight, excess = torch.ones_like(ratios), torch.zeros_like(ratios)
        if rule == verification.BLOCK:
            weight = verification.weights(ratios)[:, :-1]
            excess = (weight[..., None].to(p.dtype) * p.exp() - q.exp()).clamp(min=0).sum(-1).double()
        passed = self._chance(verification.passes(ratios, excess, self.size, rule), self.columns)
        return verification.standing(passed, rule), weight

    def _chance(self, probability: Tensor, columns: Tensor) -> Tensor:
        """(A, K) bool: what happens with a probability; the same `columns`, the same random number."""
        seeds = self.canvas.seeds[self.device_rows][:, None]
        return uniforms(seeds, self.canvas.step, columns, ACCEPT) < probability
