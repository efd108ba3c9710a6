"""How the likelihood of a text under a sampler is known."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Scorability:
    """True where `unmask.score` gives an exact likelihood.

    Attributes:
        kind: "planned", all positions known before the first call; "replay", the rule run again on the text; "measured
            only", by sampling and counting.
        reason: why a text cannot be scored; empty where it can.
    """

    kind: Literal["planned", "replay", "measured only"]
    reason: str = ""

    def __bool__(self) -> bool:
        return self.kind != "measured only"

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}" if self.reason else self.kind
