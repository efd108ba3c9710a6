"""A diffusers scheduler that reveals a block at the positions and in the sizes of a plan.

Written by `unmask export --to diffusers`. BlockRefinementScheduler draws the tokens; which of them are kept in a step
is the plan's choice, not that of their confidence, so that the text has the law whose price was measured.
"""

import torch
from diffusers import BlockRefinementScheduler
from diffusers.configuration_utils import register_to_config
from diffusers.schedulers.scheduling_block_refinement import BlockRefinementSchedulerOutput


class PlannedScheduler(BlockRefinementScheduler):
    """BlockRefinementScheduler with the positions and sizes of a plan.

    Args:
        sizes: tokens to reveal in each step, of the first route; they add up to block_length.
        routes: {"order": positions or "uniform", "sizes": ..}; every row of every block takes one of them at random.
            Without routes, `sizes` in uniform order.
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
        routes: list[dict] | None = None,
    ):
        super().__init__(block_length, num_inference_steps, threshold, editing_threshold, minimal_topk)
        self._step_of: torch.Tensor | None = None  # (batch, block_length): the step that reveals each position

    @property
    def all_routes(self) -> list[dict]:
        return self.config.routes or [{"order": "uniform", "sizes": self.config.sizes or []}]

    def get_num_transfer_tokens(self, block_length: int, num_inference_steps: int) -> torch.LongTensor:
        """The sizes of the first route; ValueError when a route is for another block length or needs more steps."""
        for route in self.all_routes:
            length, steps = sum(route["sizes"]), len(route["sizes"])
            if length != block_length or steps > num_inference_steps:
                raise ValueError(
                    f"the plan is for block_length={length} and num_inference_steps={steps}, "
                    f"got {block_length} and {num_inference_steps}"
                )
        return torch.tensor(self.all_routes[0]["sizes"], dtype=torch.long)

    def step(self, model_output, timestep, sample, *, mask_token_id=None, generator=None, return_dict=True, **options):
        """One step: every token is drawn, those whose step it is are kept."""
        if mask_token_id is None:
            raise ValueError("PlannedScheduler reveals masked tokens: give mask_token_id")
        model_output = model_output.clone()
        model_output[..., mask_token_id] = -torch.inf  # a mask that is drawn would never be filled
        options |= {"editing_threshold": None, "mask_token_id": mask_token_id, "generator": generator}
        drawn = super().step(model_output, timestep, sample, return_dict=True, **options)
        masked, now = sample == mask_token_id, int(timestep)
        if now == 0 or self._step_of is None or self._step_of.shape != sample.shape:
            self._step_of = torch.stack([self._plan(row, generator) for row in masked])
        due = masked & (self._step_of <= now)
        kept = torch.where(due, drawn.sampled_tokens, sample)
        edited = torch.zeros_like(due)
        fields = (kept, due, edited, drawn.sampled_tokens, drawn.sampled_probs, drawn.pred_logits)
        return BlockRefinementSchedulerOutput(*fields) if return_dict else fields

    def _plan(self, masked: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
        """(block_length,) step of every position of one row; steps in which all is known already are left out."""
        host = generator.device if generator is not None else "cpu"
        chosen = int(torch.randint(len(self.all_routes), (1,), generator=generator, device=host))
        route = self.all_routes[chosen]
        order = route["order"]
        if order == "uniform":
            order = torch.randperm(len(masked), generator=generator, device=host)
        step_of = torch.empty(len(masked), dtype=torch.long)
        steps = torch.arange(len(route["sizes"])).repeat_interleave(torch.tensor(route["sizes"]))
        step_of[torch.as_tensor(order, device="cpu")] = steps
        step_of = step_of.to(masked.device)
        open_steps = step_of[masked].unique()  # ascending
        return torch.searchsorted(open_steps, step_of)
