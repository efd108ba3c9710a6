import copy
import pickle
from types import SimpleNamespace

from unmask.order_search.measuring_job import Counted


def test_a_counted_predictor_can_be_copied():
    counted = Counted(SimpleNamespace(vocab_size=3), "x")
    for copied in (copy.copy(counted), copy.deepcopy(counted), pickle.loads(pickle.dumps(counted))):
        assert (copied.name, copied.calls, copied.vocab_size) == ("x", 0, 3)
