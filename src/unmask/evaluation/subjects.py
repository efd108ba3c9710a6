"""The laws that the paper's claims are verified on, each with a sentence that says what it is.

Chosen to disagree: information that arrives with the first token (repeated), with the last (parity), all at once (a
code), in stairs, evenly (Ising chain), from neighbours (Markov chain), or slowly (permutation). Every one has an exact
information curve. Knows nothing about claims.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from unmask import laws, spec
from unmask.errors import InputError
from unmask.laws.base import Law
from unmask.theory.curve import InformationCurve


@dataclass(frozen=True, eq=False)
class Subject:
    """A law under test: its name on the command line, its description, and its exact curve."""

    name: str
    title: str
    description: str
    curve: InformationCurve

    @property
    def has_information(self) -> bool:
        """Whether its tokens tell anything about each other; if not, every schedule is free and ratios do not exist."""
        return self.curve.total_information > 1e-9

    @property
    def late_share(self) -> float:
        """`Z_{L/2} / Z_{L-1}`: the share of the information that half of the tokens hold (1 when there is none)."""
        known = self.curve.information
        return float(known[self.curve.length // 2] / known[-1]) if self.has_information else 1.0

    @property
    def largest_jump(self) -> float:
        """The largest share of the information that a single revealed token brings (0 when there is none)."""
        return float(self.curve.increments.max() / self.curve.information[-1]) if self.has_information else 0.0


def prime_from(least: int) -> int:
    """The smallest prime that is at least `least`: the field of a code of that length."""
    candidate = max(2, least)
    while any(candidate % divisor == 0 for divisor in range(2, int(candidate**0.5) + 1)):
        candidate += 1
    return candidate


def sticky_chain(length: int, vocab_size: int, stay: float) -> laws.MarkovChain:
    """A stationary Markov chain that keeps its token with probability `stay` and else moves to any other one."""
    transition = np.full((vocab_size, vocab_size), (1 - stay) / (vocab_size - 1))
    np.fill_diagonal(transition, stay)
    return laws.MarkovChain(np.full(vocab_size, 1 / vocab_size), transition, length)


# name -> (title, description, law of a given length)
_BUILDERS: dict[str, tuple[str, str, Callable[[int], Law]]] = {
    "independent": (
        "independent tokens",
        "Tokens know nothing of each other. The control: every schedule must be free.",
        lambda length: laws.Product(np.tile([0.5, 0.25, 0.125, 0.125], (length, 1))),
    ),
    "repeated": (
        "one symbol repeated",
        "All tokens equal: the first one tells everything.",
        lambda length: laws.Repeated(length, 4),
    ),
    "noisy": (
        "repeated with noise",
        "One bit repeated; each copy is a fair coin instead with probability 0.2: a few tokens tell almost all.",
        lambda length: laws.Repeated(length, 2, noise=0.2),
    ),
    "parity": (
        "parity",
        "Bits whose sum is even: nothing is known until one bit is left.",
        lambda length: laws.Parity(length, 2),
    ),
    "code": (
        "Reed–Solomon code",
        "Any two fifths of the tokens fix all others; fewer say nothing at all.",
        lambda length: laws.MDSCode(length, 2 * length // 5, prime_from(length)),
    ),
    "staircase": (
        "staircase of codes",
        "Two codes side by side, complete after 3/8 and 5/8 of the tokens: a curve of two stairs.",
        lambda length: laws.Staircase(
            length, [(max(1, 3 * length // 8), prime_from(length)), (max(1, 5 * length // 8), prime_from(length))]
        ),
    ),
    "permutation": (
        "permutation",
        "Every token once: each revealed token rules out one value for the others.",
        lambda length: laws.Permutation(length),
    ),
    "balanced": (
        "balanced bits",
        "Exactly half of the bits are ones; what is left is known only near the end.",
        lambda length: laws.Balanced(length, length // 2),
    ),
    "urn": (
        "Pólya urn",
        "Words that were used come back: a heavy-tailed mixture over 32 types.",
        lambda length: laws.PolyaUrn(length, 32, 0.1),
    ),
    "markov": (
        "sticky Markov chain",
        "Four states, each kept with probability 0.9: neighbours tell most.",
        lambda length: sticky_chain(length, 4, 0.9),
    ),
    "ising": (
        "Ising chain",
        "Spins that prefer to agree with their neighbours (coupling 0.5).",
        lambda length: laws.IsingChain(length, 0.5),
    ),
    "cold_ising": (
        "cold Ising chain",
        "The same chain with coupling 1.2: long runs of equal spins.",
        lambda length: laws.IsingChain(length, 1.2),
    ),
}

NAMES = tuple(_BUILDERS)


def subject(name: str, length: int) -> Subject:
    """One of `NAMES` at a given length, or any law of the catalogue, as in `permutation:length=8`.

    Raises:
        InputError: for an unknown name, or a law whose curve has no exact formula.
    """
    if name in _BUILDERS:
        title, description, build = _BUILDERS[name]
        law = build(length)
    else:
        law = _from_catalogue(name)
        title, description = name, repr(law)
    if not 8 <= law.length <= 256:  # before the curve, which may take long
        raise InputError(f"laws has {name!r} of {law.length} tokens; expected 8 to 256")
    curve = law.curve()
    if curve.stderr is not None:
        raise InputError(f"laws has {name!r}, whose curve is measured; verify needs a law with an exact curve")
    return Subject(name, title, description, curve)


def subjects(names: Sequence[str] | None, length: int) -> tuple[Subject, ...]:
    """The subjects of the given names, all of `NAMES` when None.

    Raises:
        InputError: for a length the claims say nothing about, no name at all, a name given twice, or an unknown one.
    """
    if not 8 <= length <= 256:
        raise InputError(f"length is {length}; expected a whole number from 8 to 256")
    chosen = NAMES if names is None else tuple(name.removeprefix("law:") for name in names)
    if not chosen:
        raise InputError(f"laws is empty; choose from {', '.join(NAMES)}")
    repeated = {name for name in chosen if chosen.count(name) > 1}
    if repeated:
        raise InputError(f"laws names {', '.join(sorted(repeated))} more than once; give each law once")
    return tuple(subject(name, length) for name in chosen)


def _from_catalogue(name: str) -> Law:
    from unmask.laws import catalogue

    if spec.split(name)[0] not in catalogue.names():
        raise InputError(f"there is no law {name!r}; {spec.nearest(spec.split(name)[0], [*NAMES, *catalogue.names()])}")
    return catalogue.from_name(name)
