"""The door for lm-evaluation-harness, on the shipped toy model, through the harness itself and directly."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

import unmask
from unmask import laws, recipes
from unmask.errors import InputError

os.environ.setdefault("HF_HUB_OFFLINE", "1")
pytest.importorskip("lm_eval")

from unmask.evaluation.harness import HarnessModel
from unmask.evaluation.harness_sampler import Trailing

SUM = ("anna has 5 red cherries , emil has 6 more : in all", " 11 red cherries .")
ANOTHER = ("dora has 6 black limes , anna has 3 more : in all", " 9 black limes .")
TASK = """
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}, cache_dir: {cache}}}
test_split: test
output_type: {kind}
doc_to_text: "{{{{text}}}}"
doc_to_target: "{{{{target}}}}"
target_delimiter: " "
"""
GENERATE = 'generation_kwargs: {until: [" ."], do_sample: false}\nmetric_list: [{metric: exact_match}]\n'
CHOOSE = 'doc_to_choice: "{{choices}}"\nmetric_list: [{metric: acc}]\n'


def model(**arguments):
    return HarnessModel.create_from_arg_obj({"pretrained": "toy", **arguments})


def asked(*arguments):
    return [SimpleNamespace(args=one) for one in arguments]


@pytest.fixture
def tasks(tmp_path):
    docs = [
        {"text": text, "target": said.strip(" ."), "choices": ["11 red cherries .", "9 black limes ."]}
        for text, said in (SUM, ANOTHER)
    ]
    for kind, more in (("generate_until", GENERATE), ("multiple_choice", CHOOSE)):
        lines = [doc | {"target": n} if kind == "multiple_choice" else doc for n, doc in enumerate(docs)]
        data = tmp_path / f"{kind}.jsonl"
        data.write_text("".join(json.dumps(line) + "\n" for line in lines))
        task = TASK.format(name=f"toy_{kind}", data=data, kind=kind, cache=tmp_path) + more
        if kind == "multiple_choice":
            task = task.replace('"{{target}}"', "target")
        (tmp_path / f"{kind}.yaml").write_text(task)
    return tmp_path


def test_the_harness_finds_that_the_toy_model_can_add(tasks):
    import lm_eval
    from lm_eval.tasks import TaskManager

    found = lm_eval.simple_evaluate(
        model="unmask",
        model_args="pretrained=toy,rule=one_by_one,gen_length=4,mc_num=2",
        tasks=["toy_generate_until", "toy_multiple_choice"],
        task_manager=TaskManager(include_path=str(tasks), include_defaults=False),
        batch_size=2,
        device="cuda:0",  # what the harness's command line says when nobody said anything
        bootstrap_iters=0,
    )["results"]
    assert found["toy_multiple_choice"]["acc,none"] == 1
    assert found["toy_generate_until"]["exact_match,none"] == 1


def test_a_likelihood_is_the_score_of_the_rule_that_is_run():
    lm = model(rule="entropy_bound:0.5")
    toy = unmask.load("toy")
    whole = toy.encode(" ".join(" ".join(SUM).split()))
    expected = unmask.score(toy, recipes.entropy_bound(0.5), [whole], prompt=13).log_prob
    assert len(whole) == toy.length == 17
    ((found, greedy), (other, not_greedy)) = lm.loglikelihood(asked(SUM, (SUM[0], " 9 black limes .")))
    assert found == pytest.approx(float(expected), abs=1e-5)
    assert greedy
    assert not not_greedy
    assert found > other


def test_likelihoods_and_texts_do_not_depend_on_the_batch():
    for lm_arguments in ({}, {"steps": 2, "gen_length": 4}, {"cfg": 0.5}):
        alone, together = model(batch_size=1, **lm_arguments), model(batch_size=8, **lm_arguments)
        pairs = asked(SUM, ANOTHER, (SUM[0], " 9"), ("anna has 5", " red cherries"), ("", "anna gave"))
        a, b = alone.loglikelihood(pairs), together.loglikelihood(pairs[::-1])[::-1]
        assert [value for value, _ in a] == pytest.approx([value for value, _ in b], abs=1e-5)
        sampled = {"do_sample": True, "temperature": 1.0, "max_gen_toks": 4, "until": []}
        prompts = asked(*((text, sampled) for text in ("anna has", "dora has 6", "emil gave")))
        assert alone.generate_until(prompts) == together.generate_until(prompts[::-1])[::-1]


def test_repeats_of_a_sampled_prompt_differ_and_greedy_text_is_cut():
    lm = model(gen_length=13)
    sampled = {"do_sample": True, "temperature": 1.0, "until": [","]}
    texts = lm.generate_until(asked(*[("anna has", sampled)] * 8))
    assert len(set(texts)) > 1
    assert not any("," in text for text in texts)
    assert lm.generate_until(asked(*[(SUM[0], {"until": ["."]})] * 2)) == lm.generate_until(
        asked(*[(SUM[0], {"until": "."})] * 2)
    )


def test_texts_shorter_than_the_model_are_scored_as_beginnings_of_whole_ones():
    law = laws.toy_grammar()
    texts = torch.as_tensor(law.sample(200, seed=0))
    short = texts[:1, :4]
    found = unmask.score(Trailing(unmask.oracle(law)), recipes.left_to_right(), short, prompt=3).log_prob
    wanted = unmask.oracle(law).log_probs(
        texts[:1], (torch.arange(17) < 3)[None], unmask.models.predictor.Positions(torch.tensor([0]), torch.tensor([3]))
    )
    assert float(found) == pytest.approx(float(wanted[0, short[0, 3]]), abs=1e-6)


def test_a_rolling_likelihood_adds_windows_and_the_last_has_context():
    lm = model(rule="left_to_right")
    text = " ".join(SUM[0].split() + SUM[1].split()) + " anna gave"
    tokens = lm.predictor.encode(text)
    found = lm.loglikelihood_rolling(asked((text,)))
    first = unmask.score(unmask.load("toy"), recipes.left_to_right(), [tokens[:17]]).log_prob
    last = unmask.score(unmask.load("toy"), recipes.left_to_right(), [tokens[2:]], prompt=15).log_prob
    assert found == [pytest.approx(float(first + last), abs=1e-5)]


def test_a_prompt_too_long_is_cut_on_the_left_with_a_warning(caplog):
    lm = model(rule="left_to_right", gen_length=4)
    long = "anna has 5 red " + SUM[0]
    assert lm.generate_until(asked((long, {"until": []}))) == lm.generate_until(asked((SUM[0], {"until": []})))
    assert "cut 4 tokens off the left" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"gen_lenght": 4}, "'gen_lenght'; did you mean 'gen_length'"),
        ({"plan": "nowhere.plan.json"}, "nowhere.plan.json"),
        ({"rule": "entropy_bond:0.1"}, "did you mean 'entropy_bound'"),
        ({"alg": "best"}, "alg is 'best'"),
        ({"gen_length": 4, "max_new_tokens": 4}, "gen_length was given twice"),
        ({"gen_length": 40}, "at most 17"),
        ({"steps": "many"}, "steps is 'many'"),
    ],
)
def test_what_is_wrong_with_the_arguments_is_said(arguments, said):
    with pytest.raises(InputError, match=said):
        model(**arguments)


def test_a_rule_without_likelihoods_says_which_to_use():
    with pytest.raises(InputError, match="rule=one_by_one"):
        model(alg="low_confidence", steps=4, block_length=4).loglikelihood(asked(SUM))


def test_without_lm_eval_one_line_says_what_to_install():
    code = "import sys; sys.modules['lm_eval'] = None; import runpy; runpy.run_module(sys.argv[1], run_name='__main__')"
    run = subprocess.run(
        [sys.executable, "-c", code, "unmask.evaluation.harness"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "unmask[harness]" in run.stderr
    assert run.stderr.count("\n") == 1
