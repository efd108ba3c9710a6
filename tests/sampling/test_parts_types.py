"""Parts declare flags of their kind, and no others."""

from typing import ClassVar

import pytest

from unmask import InputError
from unmask.sampling.parts import Selection


def test_a_misspelt_flag_is_refused_with_the_flags_there_are():
    with pytest.raises(InputError, match=r"Own declares 'read_model'; its flags are .*reads_model"):

        class Own(Selection):
            read_model: ClassVar[bool] = True


def test_a_flag_that_is_not_declared_has_its_default():
    class Own(Selection):
        reads_model: ClassVar[bool] = True

    assert Own().reads_model
    assert not Own().reads_draw
    assert not Own().may_skip
    assert Own().source == ""
