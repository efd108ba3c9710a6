"""Laws: distributions over token sequences solved exactly, each with a known answer. One file per family, numpy only.

A law stands wherever a model stands. See `base.Law` for what each can do and `catalogue` for their names.
"""

from unmask.laws import catalogue
from unmask.laws.base import Law
from unmask.laws.chains import MarkovChain
from unmask.laws.codes import MDSCode, Parity, Staircase
from unmask.laws.exchangeable import Balanced, Permutation, PolyaUrn, Repeated
from unmask.laws.grammar import Grammar
from unmask.laws.hidden import HiddenMarkov
from unmask.laws.ising import IsingChain, IsingTorus
from unmask.laws.mixtures import Mixture
from unmask.laws.table import Listed, Product, Table
from unmask.laws.toy import ToyGrammar, toy_grammar
from unmask.laws.trees import Tree

__all__ = [
    "Balanced",
    "Grammar",
    "HiddenMarkov",
    "IsingChain",
    "IsingTorus",
    "Law",
    "Listed",
    "MDSCode",
    "MarkovChain",
    "Mixture",
    "Parity",
    "Permutation",
    "PolyaUrn",
    "Product",
    "Repeated",
    "Staircase",
    "Table",
    "ToyGrammar",
    "Tree",
    "catalogue",
    "toy_grammar",
]
