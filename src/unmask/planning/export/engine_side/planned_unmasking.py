"""An SGLang algorithm that reveals a block in the order and sizes of a plan, drawing at temperature 1.

Written by `unmask export --to sglang`; copy it into `sglang/srt/dllm/algorithm/`. Its YAML holds
    block_size, temperature, seed, routes: [{order: [...], sizes: [...]}, ...]
Positions that a prompt has filled already are passed over, so a first block that is partly prompt takes fewer tokens a step.
"""

from typing import Any

import torch
from sglang.srt.dllm.algorithm.base import DllmAlgorithm


class PlannedUnmasking(DllmAlgorithm):
    """Step t reveals the positions the plan has for step t."""

    def __init__(self, config):
        super().__init__(config)
        options = config.algorithm_config
        self.temperature = float(options.get("temperature", 1.0))
        self.routes = [_route(entry, self.block_size) for entry in options["routes"]]
        self.generator: torch.Generator | None = None
        self.seed = int(options.get("seed", 0))
        self.started = 0

    def max_steps(self, block_size: int) -> int:
        return max(len(route) for route in self.routes) + 1

    def init_step_state(self, forward_batch) -> list[Any]:
        states = []
        for _ in range(forward_batch.batch_size):
            states.append({"route": self.routes[self.started % len(self.routes)], "step": 0})
            self.started += 1
        return states

    def step(self, forward_batch, logits_output, states: list[Any]) -> list[bool]:
        full = getattr(logits_output, "full_logits", logits_output)
        tokens = forward_batch.input_ids.view(forward_batch.batch_size, self.block_size)
        logits = full.view(forward_batch.batch_size, self.block_size, -1)
        masked = tokens == self.mask_id
        done = (~masked.any(dim=1)).tolist()  # the call just made has stored a block without masks
        fresh = tokens.clone()
        for row, state in enumerate(states):
            while not done[row] and state["step"] < len(state["route"]):
                places = torch.tensor(state["route"][state["step"]], device=tokens.device)
                places = places[masked[row, places]]
                state["step"] += 1
                if len(places):
                    fresh[row, places] = self._draw(logits[row, places])
                    break
        forward_batch.input_ids.copy_(fresh.view(-1))  # in place: graphs hold on to this tensor
        return done

    def _draw(self, logits: torch.Tensor) -> torch.Tensor:
        logits = logits.float()
        logits[:, self.mask_id] = -torch.inf
        if self.temperature == 0:
            return logits.argmax(-1)
        if self.generator is None:
            self.generator = torch.Generator(logits.device).manual_seed(self.seed)
        laws = torch.softmax(logits / self.temperature, -1)
        return torch.multinomial(laws, 1, generator=self.generator).squeeze(-1)


def _route(entry: dict[str, Any], block_size: int) -> list[list[int]]:
    """The positions of every step."""
    order, sizes = list(entry["order"]), list(entry["sizes"])
    if sorted(order) != list(range(block_size)) or sum(sizes) != block_size:
        raise ValueError(f"order and sizes are for {sum(sizes)} tokens, but block_size is {block_size}")
    ends = [sum(sizes[: step + 1]) for step in range(len(sizes))]
    return [order[end - size : end] for end, size in zip(ends, sizes, strict=True)]


Algorithm = PlannedUnmasking
