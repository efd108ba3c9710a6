"""The parser of NAME:key=value, on functions of its own."""

import functools
from dataclasses import dataclass

import pytest

from unmask import InputError, spec


def made(size: int = 3, share: float = 1, flag: bool = False, depth: int | None = None, word: str = "a"):
    return size, share, flag, depth, word


def stairs(gaps: tuple[float, float, float], region: tuple[int, ...] = (1,)):
    return gaps, region


@dataclass(frozen=True)
class Nested:
    inner: object
    width: int


KNOWN = {"made": made, "stairs": stairs, "nested": Nested, "fixed": functools.partial(made, 7)}


def call(text, **more):
    return spec.call(text, KNOWN, "thing", {"inner": lambda inner: spec.call(inner, KNOWN, "thing")}, **more)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("made", (3, 1, False, None, "a")),
        ("Made: size=5, word=b=c", (5, 1, False, None, "b=c")),
        ("made:share=2,flag=true,depth=4", (3, 2.0, True, 4, "a")),
        ("made:depth=none", (3, 1, False, None, "a")),
        ("fixed:share=0.5", (7, 0.5, False, None, "a")),
        ("stairs:gaps=7.5/5/2.5,region=0/16", ((7.5, 5.0, 2.5), (0, 16))),
        ("nested:width=2,inner=made:size=4,share=2", Nested((4, 2.0, False, None, "a"), 2)),
    ],
)
def test_values_are_of_the_kind_that_is_annotated_not_of_their_defaults_kind(text, expected):
    found = call(text)
    assert found == expected
    assert isinstance(found, Nested) or [type(one) for one in found] == [type(one) for one in expected]


def test_the_first_part_may_be_the_first_parameter_alone_where_that_is_allowed():
    assert call("made:5,share=2", knob=True) == (5, 2.0, False, None, "a")
    assert call("made:share=2", knob=True, said={"size": 9})[0] == 9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("maed", r"there is no thing 'maed'; did you mean 'made'\? There are made, stairs"),
        ("zzz:size=3", r"there is no thing 'zzz'; there are made, stairs"),
        ("made:sise=3", r"the thing 'made' has no parameter 'sise'; did you mean 'size'\?"),
        ("made:5", r"'made:5' has the part '5'; expected made:parameter=value"),
        ("made:size=2.5", "size of made is '2.5'; expected a whole number"),
        ("made:flag=1", "flag of made is '1'; expected true or false"),
        ("made:depth=x", "depth of made is 'x'; expected a whole number, or none"),
        ("made:size=1,size=2", "gives size twice"),
        ("stairs", "the thing 'stairs' needs gaps"),
        ("stairs:gaps=1/2", "gaps of stairs is '1/2'; expected 3 numbers such as 1/2/3"),
    ],
)
def test_what_is_wrong_is_said_with_what_would_be_right(text, message):
    with pytest.raises(InputError, match=message):
        call(text)


def test_a_comma_before_a_parameter_continues_what_it_follows():
    assert spec.specs("a, b:length=8,ones=4,c") == ["a", "b:length=8,ones=4", "c"]
    assert spec.specs("blocks:block_length=8,inner=bit_reversal,uniform") == [
        "blocks:block_length=8,inner=bit_reversal",
        "uniform",
    ]
    assert spec.specs("") == []
