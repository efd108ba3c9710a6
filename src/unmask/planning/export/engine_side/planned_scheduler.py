"""A diffusers scheduler that commits exactly the planned number of tokens in every step of a block.

Written by `unmask export --to diffusers`. Only the counts differ from BlockRefinementScheduler.
"""

import torch
from diffusers import BlockRefinementScheduler
from diffusers.configuration_utils import register_to_config


class PlannedScheduler(BlockRefinementScheduler):
    """BlockRefinementScheduler with the sizes of a plan.

    Args:
        sizes: tokens to commit in each step; they add up to block_length.
    """

    @register_to_config
    def __init__(
        self,
        block_length: int = 32,
        num_inference_steps: int = 32,
        threshold: float = 1.0,
        editing_threshold: float | None = None,
        minimal_topk: int = 1,
        sizes: list[int] | None = None,
    ):
        super().__init__(block_length, num_inference_steps, threshold, editing_threshold, minimal_topk)
        # The parent's own registration does not know `sizes`; keep it in this object's config too.
        self.register_to_config(sizes=sizes)

    def get_num_transfer_tokens(self, block_length: int, num_inference_steps: int) -> torch.LongTensor:
        sizes = list(self.config.sizes or [])
        if sum(sizes) != block_length or len(sizes) != num_inference_steps:
            raise ValueError(
                f"the plan is for block_length={sum(sizes)} and num_inference_steps={len(sizes)}, "
                f"got {block_length} and {num_inference_steps}"
            )
        return torch.tensor(sizes, dtype=torch.long)
