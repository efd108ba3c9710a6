"""Exact parallel sampling: one token at a time in a fixed order, several a round."""

from typing import Any

from unmask.errors import InputError
from unmask.sampling.draft_sizes import Speculation
from unmask.sampling.priorities import as_order
from unmask.sampling.rules.rule import Rule
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Each
from unmask.sampling.verification import BLOCK
from unmask.theory import reveal_orders


def exact(order: Any = "bit_reversal", draft: int | tuple[int, ...] = 8, verification: str = BLOCK) -> Sampler:
    """One token at a time in `order`, exactly, in fewer network calls: drafts of `draft` tokens, verified in one call.

    The text has the law of `one_by_one(order)` for any network. A call asks about up to `draft` canvases of a row at
    once (`out.canvases` counts them); spaced orders, such as bit reversal, have the fewest refusals.

    Args:
        order: one of `unmask.orders`, or the name of one; it must not read the model.
        draft: tokens drafted a call, or one number for every revealed count, as `planning.exact_plan` chooses them.
        verification: "block" (Sun et al., arXiv 2403.10444) or "token" (Leviathan et al., arXiv 2211.17192).
    """
    found = as_order(reveal_orders.from_name(order) if isinstance(order, str) else order)
    if found.reads_model:
        raise InputError(f"order is {order!r}, which reads the model; exact needs one of unmask.orders")
    sizes = tuple(draft) if isinstance(draft, tuple | list) else (draft,)
    return Sampler(found, Each(), speculation=Speculation(sizes, verification), name="exact", source="exact")


RULE = Rule(
    exact,
    does="one token at a time in a fixed order, several verified a call",
    paper="Anari et al., Parallel Sampling via Autospeculation, arXiv 2511.07869; Guo & Ermon, Reviving Any-Subset "
    "Autoregressive Models with Principled Parallel Sampling and Speculative Decoding, arXiv 2504.20456; Leviathan et "
    "al., Fast Inference from Transformers via Speculative Decoding, ICML 2023, arXiv 2211.17192; Sun et al., Block "
    "Verification Accelerates Speculative Decoding, ICLR 2025, arXiv 2403.10444",
    ladder=("draft=4", "draft=8", "draft=16"),
    by_default=False,
    example="draft=3",
)
