"""Laws: distributions over token sequences solved exactly, each with a known answer. One file per family, numpy only.

A law stands wherever a model stands. See `base.Law` for what each can do and `catalogue` for their names.

Examples:
    >>> law = unmask.laws.Permutation(8)
    >>> law.sample(2, seed=0).shape
    (2, 8)
    >>> float(law.log_prob([[0, 1, 2, 3, 4, 5, 6, 7]])[0].round(3))  # -log 8!
    -10.605
"""

from unmask.laws import catalogue
from unmask.laws.base import Law
from unmask.laws.chains import MarkovChain
from unmask.laws.codes import MDSCode, Parity, Staircase
from unmask.laws.exchangeable import Balanced, Permutation, PolyaUrn, Repeated
from unmask.laws.grammar import Grammar
from unmask.laws.hidden import HiddenMarkov
from unmask.laws.ising import IsingChain, IsingTorus
from unmask.laws.listed_task import ListedTask
from unmask.laws.lists import list_operation
from unmask.laws.mixtures import Mixture
from unmask.laws.recall import recall
from unmask.laws.squares import latin_square, sudoku
from unmask.laws.sums import modular_sum, running_sum
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
    "ListedTask",
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
    "latin_square",
    "list_operation",
    "modular_sum",
    "recall",
    "running_sum",
    "sudoku",
    "toy_grammar",
]
