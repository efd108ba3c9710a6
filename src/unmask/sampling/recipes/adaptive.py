"""Samplers that reveal as many tokens as the model's laws allow in each step."""

from dataclasses import replace
from typing import Any

from unmask.sampling.priorities import Arranged, Confidence, LowEntropy, as_order
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import EntropyBound, EntropySum, Factor, Spaced, Threshold
from unmask.sampling.windows import Blocks, Whole
from unmask.theory.reveal_orders import Uniform


def threshold(threshold: float = 0.9, block_length: int | None = None, order: Any = None) -> Sampler:
    """Every position surer than the threshold, at least the surest (Fast-dLLM, Wu et al., arXiv 2505.22618)."""
    return _adaptive("threshold", "fast_dllm", Threshold(threshold), Confidence(), order, block_length)


def factor(factor: float = 1.0, block_length: int | None = None, order: Any = None) -> Sampler:
    """The most positions n with `(n + 1)(1 - lowest confidence) < factor` (Fast-dLLM, arXiv 2505.22618)."""
    return _adaptive("factor", "fast_dllm", Factor(factor), Confidence(), order, block_length)


def entropy_bound(gamma: float = 0.1, order: Any = None, block_length: int | None = None) -> Sampler:
    """At most `gamma` nats of total correlation a step (EB-Sampler, Ben-Hamu et al., arXiv 2505.24857).

    Lowest entropy first, as in the paper; with a data-independent `order` the law is spread over all positions.
    """
    return _adaptive("entropy_bound", "entropy_bound", EntropyBound(gamma), LowEntropy(), order, block_length)


def entropy_sum(eta: float = 1.0, order: Any = None, block_length: int | None = None) -> Sampler:
    """Random order, until the entropies of a step add up to `eta` nats (Cai & Li, arXiv 2603.22248)."""
    return _adaptive("entropy_sum", "entropy_sum", EntropySum(eta), Arranged(Uniform()), order, block_length)


def spaced(sampler: Sampler, gap: int) -> Sampler:
    """Any sampler, its choices kept at least `gap` positions apart."""
    return replace(sampler, selection=Spaced(sampler.selection, gap), name=f"{sampler.name}, spaced by {gap}")


def _adaptive(name: str, source: str, selection: Any, own_order: Any, order: Any, block_length: int | None) -> Sampler:
    window = Whole() if block_length is None else Blocks(block_length)
    return Sampler(own_order if order is None else as_order(order), selection, window, name=name, source=source)
