"""An SGLang algorithm that reveals a block in the order and sizes of a plan, drawing at temperature 1.

Written by `unmask export --to sglang`; copy it into `sglang/srt/dllm/algorithm/`. Its YAML holds
    block_size, temperature, seed, routes: [{order: [...] or uniform, sizes: [...]}, ...]
and every block takes one of the routes at random. Positions that a prompt has filled already are passed over, so a
first block that is partly prompt takes fewer tokens a step.
"""

import random
from typing import Any

import torch
from sglang.srt.dllm.algorithm.base import DllmAlgorithm


class PlannedUnmasking(DllmAlgorithm):
    """Step t reveals the positions the plan has for step t."""

    def __init__(self, config):
        super().__init__(config)
        options = config.algorithm_config
        self.temperature = float(options.get("temperature", 1.0))
        self.routes = [_checked(entry, self.block_size) for entry in options["routes"]]
        self.seed = int(options.get("seed", 0))
        # On the host and seeded, so that all ranks of a tensor-parallel server take the same positions.
        self.chance = random.Random(self.seed)
        self.generator: torch.Generator | None = None

    def max_steps(self, block_size: int) -> int:
        return max(len(sizes) for _, sizes in self.routes) + 1

    def init_step_state(self, forward_batch) -> list[Any]:
        # Asked for a whole batch when a single block of it is new: what is random is drawn when a state is first used.
        return [{"route": None, "step": 0} for _ in range(forward_batch.batch_size)]

    def step(self, forward_batch, logits_output, states: list[Any]) -> list[bool]:
        full = getattr(logits_output, "full_logits", logits_output)  # the tensor itself in older versions
        tokens = forward_batch.input_ids.view(forward_batch.batch_size, self.block_size)
        logits = full.view(forward_batch.batch_size, self.block_size, -1)
        masked = tokens == self.mask_id
        done = (~masked.any(dim=1)).tolist()  # the call just made has stored a block without masks
        fresh = tokens.clone()
        for row, state in enumerate(states):
            if done[row]:
                continue
            if state["route"] is None:
                state["route"] = self._drawn_route()
            while state["step"] < len(state["route"]):
                places = torch.tensor(state["route"][state["step"]], device=tokens.device)
                places = places[masked[row, places]]
                state["step"] += 1
                if len(places):
                    fresh[row, places] = self._draw(logits[row, places]).to(fresh.dtype)
                    break
        forward_batch.input_ids.copy_(fresh.view(-1))  # in place: graphs hold on to this tensor
        return done

    def _drawn_route(self) -> list[list[int]]:
        """The positions of every step of one block."""
        order, sizes = self.routes[self.chance.randrange(len(self.routes))]
        if order == "uniform":
            order = list(range(self.block_size))
            self.chance.shuffle(order)
        ends = [sum(sizes[: step + 1]) for step in range(len(sizes))]
        return [order[end - size : end] for end, size in zip(ends, sizes, strict=True)]

    def _draw(self, logits: torch.Tensor) -> torch.Tensor:
        """A token from each law, (n, vocabulary) to (n,); never the mask token."""
        logits = logits.float()  # (indexing by positions has made a copy)
        logits[:, self.mask_id] = -torch.inf
        if self.temperature == 0:
            return logits.argmax(-1)
        if self.generator is None:
            self.generator = torch.Generator(logits.device).manual_seed(self.seed)
        laws = torch.softmax(logits / self.temperature, -1)
        return torch.multinomial(laws, 1, generator=self.generator).squeeze(-1)


def _checked(entry: dict[str, Any], block_size: int) -> tuple[Any, list[int]]:
    order, sizes = entry["order"], list(entry["sizes"])
    whole = order == "uniform" or sorted(order) == list(range(block_size))
    if not whole or sum(sizes) != block_size or min(sizes) < 1:
        raise ValueError(f"a route is for {sum(sizes)} tokens, but block_size is {block_size}")
    return order, sizes


Algorithm = PlannedUnmasking
