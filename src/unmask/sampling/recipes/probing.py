"""Samplers that ask the network about other canvases before they commit, or that commit early when it is sure."""

from unmask.sampling.priorities import Confidence
from unmask.sampling.probing import Draft, Independent, LeaveOneOut
from unmask.sampling.sampler import Sampler
from unmask.sampling.selections import Sizes
from unmask.sampling.stopping import EarlyCommit
from unmask.sampling.windows import Blocks, Whole


def punt(epsilon: float = 0.05, block_length: int | None = None) -> Sampler:
    """Positions found independent by tests with drawn candidates (PUNT, Azangulov et al., arXiv 2510.21961).

    At most `ceil(log2 m)` probes a step, m the open positions, each a counted call; it reads the drawn candidates.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    return Sampler(Confidence(), Independent(epsilon), window, name="punt", source="punt")


def wino(threshold: float = 0.6, verify: float = 0.9, block_length: int | None = 128) -> Sampler:
    """Draft widely, keep what the rest confirms (WINO, Hong et al., arXiv 2507.18578).

    Every check of a revealed token costs a call here (`probing.LeaveOneOut` says why); WINO's own code adds a block of
    columns to the same call instead.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    return Sampler(Confidence(), Draft(threshold), window, revision=LeaveOneOut(verify), name="wino", source="wino")


def prophet(
    steps: int = 128,
    gaps: tuple[float, float, float] = (7.5, 5.0, 2.5),
    region: tuple[int, int] | None = None,
    block_length: int | None = None,
) -> Sampler:
    """Equal sizes, surest first, and everything at once when the network is sure (Prophet, arXiv 2508.19982).

    Any other rule that looks at all masked positions commits early with `.ending(stops.EarlyCommit(gaps, region))`.
    """
    window = Whole() if block_length is None else Blocks(block_length)
    return Sampler(Confidence(), Sizes(steps), window, stop=EarlyCommit(gaps, region), name="prophet", source="prophet")
