"""What `unmask.evaluation.harness` is told in `--model_args`, as a sampler: other adapters' names, plans and rules.

Also `Trailing`, which lets a model of one length answer for shorter texts. Knows nothing about the harness.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unmask.errors import InputError
from unmask.models.predictor import Positions, Predictor, Wrapped
from unmask.planning.plan import Plan
from unmask.sampling import recipes, rule_names
from unmask.sampling.sampler import Sampler
from unmask.theory.schedule import Schedule

ALIASES = {
    "model_path": "pretrained",
    "max_new_tokens": "gen_length",
    "max_gen_toks": "gen_length",
    "diffusion_steps": "steps",
    "cfg_scale": "cfg",
    "orders": "mc_num",
    "mask_id": "mask_token_id",
    "is_check_greedy": "check_greedy",
    "remasking": "alg",
}
"""What other adapters call an argument, and what it is called here."""
RULE_OF_ALG = {
    "entropy": "dream:order=entropy",
    "topk_margin": "dream:order=margin",
    "maskgit_plus": "dream:order=confidence",
    "low_confidence": "llada",
    "random": None,
}
"""Dream's `alg` and LLaDA's `remasking` as rules; None is equal sizes in random order."""


class Trailing(Wrapped[Predictor]):
    """A predictor of one length that takes shorter texts too: what follows them is left masked, and never asked for.

    So `p(continuation | context)` is that of texts of the trained length, whatever follows the continuation.
    """

    length = None

    def __init__(self, predictor: Predictor):
        super().__init__(predictor)
        self.whole = int(predictor.length or 0)

    def log_probs(self, tokens: Tensor, known: Tensor, wanted: Positions) -> Tensor:
        """As `Predictor.log_probs`, of canvases of at most the trained length."""
        more = self.whole - tokens.shape[1]
        if more < 0:
            raise InputError(f"the canvas has length {tokens.shape[1]}; the model was trained for {self.whole}")
        filler = self.predictor.mask_token_id or 0
        tokens = torch.nn.functional.pad(tokens, (0, more), value=filler)
        return self.predictor.log_probs(tokens, torch.nn.functional.pad(known, (0, more), value=False), wanted)


@dataclass(frozen=True)
class Chosen:
    """How positions are to be revealed, whatever their number."""

    rule: str | None = None
    plan: Plan | None = None
    steps: int | None = None
    block_length: int | None = None
    order: str | None = None
    gen_length: int | None = None

    @classmethod
    def by_arguments(
        cls,
        rule: str | None,
        plan: str | None,
        alg: str | None,
        steps: int | None,
        block_length: int | None,
        order: str | None,
        gen_length: int | None,
    ) -> "Chosen":
        """Read the plan, translate `alg`, and refuse what does not go together."""
        if alg is not None:
            if alg not in RULE_OF_ALG:
                raise InputError(f"alg is {alg!r}; choose from {', '.join(RULE_OF_ALG)}, or give rule=")
            if rule is not None or plan is not None:
                raise InputError("alg was given with a rule or a plan; give one of them")
            rule = RULE_OF_ALG[alg]
        if plan is not None and (rule, steps, order) != (None, None, None):
            raise InputError("plan was given with a rule, steps or order; the plan has its own order and sizes")
        read = None if plan is None else Plan.load(Path(plan))
        if read is not None and gen_length not in (None, read.length):
            raise InputError(f"gen_length is {gen_length}, but {plan} reveals {read.length} tokens; they must agree")
        rule = None if rule is None else str(rule).replace(";", ",")
        return cls(rule, read, steps, block_length, order, gen_length if read is None else read.length)

    def sampler(self, masked: int) -> Sampler:
        """The sampler that fills so many positions, drawing from the model's own law."""
        if self.rule is not None:
            return self._by_rule(self.rule)
        order = rule_names.order_from_name(self.order or "uniform")
        if self.plan is not None:
            if masked != self.plan.length:
                raise InputError(f"the plan reveals {self.plan.length} tokens, not {masked}")
            return self._blocks(recipes.planned(self.plan))
        if self.steps is None:
            return self._blocks(recipes.one_by_one(order))
        if hasattr(order, "reads_model"):
            raise InputError(f"order {self.order} reads the model; give rule={self.order}:{self.steps} instead")
        return self._blocks(recipes.planned(Schedule.uniform(masked, self.steps), order))

    def scored(self, masked: int) -> Sampler:
        """The sampler so many tokens are scored under: that of generation where it fits them, else one at a time."""
        if self.rule is None and masked != self.gen_length:
            return self._blocks(recipes.one_by_one(rule_names.order_from_name(self.order or "uniform")))
        sampler = self.sampler(masked)
        if not sampler.scorable:
            raise InputError(
                f"rule {self.rule} gives no likelihoods ({sampler.scorable}), and this task asks for them: "
                "use a rule that can be scored, such as rule=one_by_one or rule=entropy_bound:0.1"
            )
        return sampler

    def _by_rule(self, rule: str) -> Sampler:
        options: dict[str, Any] = {} if self.steps is None else {"steps": self.steps}
        options |= {} if self.order is None else {"order": rule_names.order_from_name(self.order)}
        inside = self.block_length is not None and rule_names.takes(rule, "block_length")
        options |= {"block_length": self.block_length} if inside else {}
        made = rule_names.from_name(rule, **options).drawing()
        return made if inside else self._blocks(made)

    def _blocks(self, sampler: Sampler) -> Sampler:
        return sampler if self.block_length is None else sampler.in_blocks(self.block_length)


def cut_at(text: str, until: Any) -> str:
    """The text before the first of the strings that end it."""
    marks = [until] if isinstance(until, str) else until or []
    return text[: min([text.find(mark) for mark in marks if mark and mark in text], default=len(text))]


def seed_of(seed: int, tokens: Iterable[int], number: int) -> int:
    """A signed 64-bit seed of one request, from what it says and not from where it stands."""
    digest = hashlib.blake2b(repr((seed, number, tuple(tokens))).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
