"""Continuous batching: what shares a network changes nothing; rows come, go and fail on their own."""

import doctest
import inspect
from dataclasses import dataclass, replace

import pytest
import torch

import unmask
from reference.seeing_network import SeeingNetwork
from reference.tiny_network import TinyNetwork
from unmask import recipes
from unmask.models.predictor import Positions
from unmask.sampling import rule_names, stopping
from unmask.sampling.parts import Selection
from unmask.sampling.queries import Query, ask
from unmask.sampling.request import rows_of
from unmask.sampling.rules.catalogue import CATALOGUE
from unmask.serving import scheduler as module
from unmask.serving.scheduler import Scheduler
from unmask.serving.shared_queries import ask_together, groups

SAMPLERS = {name: rule_names.from_name(f"{name}:{rule.example}") for name, rule in CATALOGUE.items() if rule.named}
SAMPLERS["blocks"] = recipes.threshold(0.4).in_blocks(4)
SAMPLERS["spaced"] = recipes.spaced(recipes.margin(4), gap=3)
SAMPLERS["ending"] = recipes.left_to_right().ending(stopping.EndOfText(3))


class PaddedNetwork(SeeingNetwork):
    """One that is asked about rows of different lengths at once."""

    def log_probs(self, tokens, known, wanted, padding=None):
        if padding is None:
            return super().log_probs(tokens, known, wanted)
        assert not padding[wanted.rows, wanted.columns].any()
        self.forwards += 1
        laws = torch.empty(len(wanted.rows), self.vocab_size)
        for row, length in enumerate((~padding).sum(1).tolist()):
            mine = wanted.rows == row
            where = Positions(torch.zeros(int(mine.sum()), dtype=torch.int64), wanted.columns[mine])
            laws[mine] = SeeingNetwork().log_probs(tokens[row : row + 1, :length], known[row : row + 1, :length], where)
        return laws


def row_of(network, length, prompt=()):
    (row,) = rows_of(network, prompt=list(prompt) or None, length=length)
    return row


def run(scheduler, arrivals=()):
    """All steps of every job, by job; `arrivals` are (turn, what to add) in order of turns."""
    steps, arrivals, turn = {}, list(arrivals), 0
    while arrivals or scheduler.waiting or scheduler.running:
        while arrivals and arrivals[0][0] <= turn:
            scheduler.add(*arrivals.pop(0)[1])
        for job, news in scheduler.turn().news:
            steps.setdefault(job, []).append(news)
        turn += 1
        assert turn < 500
    return steps


def alone(network, sampler, row, seed, **options):
    return [*unmask.stream(network, sampler, infill=(row.tokens, row.known), seeds=[seed], **options)]


@pytest.mark.parametrize("network", [SeeingNetwork, PaddedNetwork])
@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_every_step_of_a_row_is_what_it_is_alone_whatever_shares_its_network(sampler, network):
    """Rows of the rule at two lengths, with prompts, that come in different turns among rows of other rules."""
    others = [recipes.threshold(0.3), recipes.planned(unmask.Schedule([2, 3, 4])), recipes.margin(3)]
    arrivals = [
        (turn, (row_of(SeeingNetwork(), length, prompt), rule, seed))
        for seed, (turn, length, prompt, rule) in enumerate(
            [
                (0, 9, (), sampler),
                (0, 9, (), others[1]),
                (0, 9, (2, 5), sampler),
                (1, 9, (), sampler),
                (1, 7, (), others[0]),
                (2, 7, (4,), sampler),
                (3, 11, (), others[2]),
                (3, 9, (), sampler),
            ]
        )
    ]
    steps = run(Scheduler(network(), most_rows=6, entropies=True), arrivals)
    assert len(steps) == 8
    for job, news in steps.items():
        assert news == alone(SeeingNetwork(), job.sampler, job.row, job.seed, entropies=True)


def test_rows_of_different_rules_and_steps_share_one_forward_pass():
    network = TinyNetwork()
    scheduler = Scheduler(network)
    for number, sampler in enumerate([recipes.one_by_one(), recipes.margin(5), recipes.threshold(0.9)]):
        scheduler.add(row_of(network, 9), sampler, number)
        turn = scheduler.turn()
        assert (turn.rows, turn.forwards, network.forwards) == (number + 1, 1, number + 1)


def test_rows_of_different_lengths_share_a_pass_where_they_may_be_padded():
    for network, forwards in ((SeeingNetwork(), 2), (PaddedNetwork(), 1)):
        scheduler = Scheduler(network)
        scheduler.add(row_of(network, 9), recipes.one_by_one(), 0)
        scheduler.add(row_of(network, 6), recipes.one_by_one(), 1)
        assert scheduler.turn().forwards == network.forwards == forwards


def test_a_network_of_a_checkpoint_answers_padded_rows_as_it_answers_them_alone():
    toy = unmask.load("manual")
    toy.length = None  # it was trained on windows of one length
    queries = [
        Query(torch.full((rows, length), 5), torch.arange(length).expand(rows, -1) < 2, Positions(*where))
        for rows, length, where in (
            (2, 12, (torch.tensor([0, 1, 1]), torch.tensor([5, 3, 11]))),
            (1, 20, (torch.tensor([0, 0]), torch.tensor([19, 2]))),
        )
    ]
    assert groups(queries, toy) == [[0, 1]]
    for together, query in zip(ask_together(queries, toy), queries, strict=True):
        assert torch.allclose(together.laws, ask(toy, query).laws, atol=1e-4)
        assert together.spent.tolist() == [1] * len(query.tokens)


def test_a_cancelled_row_is_not_asked_about_again_and_the_others_go_on():
    network = TinyNetwork()
    scheduler = Scheduler(network)
    sampler = recipes.one_by_one()
    jobs = [scheduler.add(row_of(network, 9), sampler, seed) for seed in range(3)]
    scheduler.turn()
    served = network.rows_served
    scheduler.cancel(jobs[1])
    assert scheduler.running == 2
    turn = scheduler.turn()
    assert network.rows_served - served == 2
    assert [job for job, _ in turn.news] == [jobs[0], jobs[2]]
    rest = run(scheduler)
    assert jobs[1] not in rest
    assert rest[jobs[2]][-1] == alone(TinyNetwork(), sampler, jobs[2].row, 2)[-1]


def test_rows_wait_for_their_turn_first_come_first_served():
    network = TinyNetwork()
    scheduler = Scheduler(network, most_rows=2)
    jobs = [scheduler.add(row_of(network, length), recipes.one_by_one(), 0) for length in (3, 5, 4, 4)]
    assert scheduler.waiting == 4
    begun = []
    while scheduler.waiting or scheduler.running:
        for job, step in scheduler.turn().news:
            begun += [job] if step.step == 0 else []
        assert scheduler.running <= 2
    assert begun == jobs


def test_a_job_is_cancelled_while_it_waits():
    scheduler = Scheduler(TinyNetwork(), most_rows=1)
    first, second = (scheduler.add(row_of(TinyNetwork(), 3), recipes.one_by_one(), seed) for seed in (0, 1))
    scheduler.cancel(second)
    assert scheduler.waiting == 1
    assert set(run(scheduler)) == {first}


def test_memory_for_laws_bounds_how_many_rows_run_and_one_always_may():
    network = TinyNetwork(vocab_size=11)
    one_row = 9 * 12 * 11 / 2**30
    for share, rows in ((0.1, 1), (2.5, 2)):
        scheduler = Scheduler(network, gibibytes=share * one_row)
        for seed in range(4):
            scheduler.add(row_of(network, 9), recipes.threshold(0.9), seed)
        assert scheduler.turn().rows == rows


class Poisoned(TinyNetwork):
    """Its answer is NaN for every canvas with a 7 at its beginning."""

    def log_probs(self, tokens, known, wanted):
        laws = super().log_probs(tokens, known, wanted)
        laws[tokens[wanted.rows, 0] == 7] = torch.nan
        return laws


class Falling(TinyNetwork):
    """It cannot run a canvas with a 7 at its beginning at all."""

    def log_probs(self, tokens, known, wanted):
        if (tokens[:, 0] == 7).any():
            raise RuntimeError("out of something")
        return super().log_probs(tokens, known, wanted)


@dataclass(frozen=True)
class Stumbling(Selection):
    """Fails in the second step of a row with a 7 at its beginning."""

    def __call__(self, step):
        if step.canvas.step == 1 and (step.canvas.tokens[:, 0] == 7).any():
            raise ZeroDivisionError("a part of somebody's own")
        return step.first(torch.ones(step.canvas.rows, dtype=torch.int64))


@pytest.mark.parametrize(
    ("network", "sampler", "error"),
    [
        (Poisoned(), recipes.threshold(0.9), unmask.InputError),
        (Poisoned(), recipes.one_by_one(), unmask.InputError),
        (Falling(), recipes.margin(3), RuntimeError),
        (TinyNetwork(), replace(recipes.confidence(1), selection=Stumbling()), ZeroDivisionError),
    ],
)
def test_what_fails_for_one_row_fails_for_no_other(network, sampler, error):
    scheduler = Scheduler(network)
    bad = scheduler.add(row_of(network, 6, [7]), sampler, 0)
    good = [scheduler.add(row_of(network, 6, [2]), rule, 1) for rule in (sampler, recipes.margin(2))]
    steps = run(scheduler)
    assert isinstance(steps[bad][-1], error)
    for job in good:
        assert steps[job] == alone(TinyNetwork(), job.sampler, job.row, 1)


def test_a_row_that_does_not_fit_its_plan_fails_alone():
    network, sampler = TinyNetwork(), recipes.planned(unmask.Schedule([2, 3]))
    scheduler = Scheduler(network)
    bad, good = scheduler.add(row_of(network, 5, [1]), sampler, 0), scheduler.add(row_of(network, 5), sampler, 1)
    steps = run(scheduler)
    assert "the plan reveals 5 tokens" in str(steps[bad][0])
    assert steps[good] == alone(TinyNetwork(), sampler, good.row, 1)


def test_the_example_is_true():
    example = doctest.DocTestParser().get_doctest(inspect.getdoc(Scheduler), {"unmask": unmask}, "it", None, None)
    assert doctest.DocTestRunner().run(example).failed == 0
    assert module.__doc__


def test_no_row_at_all_is_refused():
    with pytest.raises(unmask.InputError, match="most_rows is 0"):
        Scheduler(TinyNetwork(), most_rows=0)
