"""What `unmask compare` shows and writes, of a comparison made by hand: every number in it is known."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from rich.console import Console

from unmask.evaluation.compare.trial import AutoregressiveLine, Calls, Comparison, Timing, Trial, undominated
from unmask.evaluation.share import Share
from unmask.evaluation.text_quality import TextQuality
from unmask.measuring.estimate import Estimate
from unmask.reports import compare as report
from unmask.reports import compare_headline, compare_page, compare_plots

LENGTH = 64
GREEDY = "measured only: a greedy draw gives one text all the probability"
FIGURES = {"frontier", "latency", "throughput", "predicted", "steps", "reveals", "entropy", "calls", "validity"}


def nats(value, half=0.3):
    return Estimate(value, value - half, value + half, 0.95, 64)


def quality(entropy=3.2, distance=0.1):
    grams = ({1: 0.2, 2: 0.6, 3: 0.9}, {2: 0.1, 3: 0.03, 4: 0.01})
    return TextQuality(4.1, entropy, *grams, 1.0, distance, 0.3, 0.05, 4.5, 0.8, 64, 64 * LENGTH)


def _share(row, column, rows, rule):
    """Even, or left to right by a width of its own: two pictures that are the same would share an id in the page."""
    return 1 / rows if rule == "planned" else float(row == (column * len(rule)) % rows)


def ran(rule, setting, calls, latency, right, **more):
    """A trial that ran: `calls` is one number, or every text's."""
    texts = calls if isinstance(calls, list) else [calls] * 10
    mean = sum(texts) / len(texts)
    rows = round(mean)
    return Trial(
        key=f"{rule}:{setting}",
        rule=rule,
        setting=setting,
        calls=Calls.of(texts),
        tokens_per_call=LENGTH / mean,
        reveals=tuple(tuple(_share(row, column, rows, rule) for column in range(32)) for row in range(rows)),
        reveal_steps=1,
        quality=more.pop("quality", quality()),
        valid=Share(right, 100),
        timing=Timing(latency, 100 / latency, 16, 5),
        texts=("one <script>alert(1)</script> & two", f"{rule} wrote this"),
        **more,
    )


def scored(rule, setting, calls, price, latency, right, how="replay", **more):
    trial = ran(rule, setting, calls, latency, right, how=how, **more)
    steps = max(1, round(trial.calls.mean))
    return replace(
        trial,
        scored=nats(price),
        nats=200 + price,
        scored_calls=trial.calls.mean,
        step_prices=(price / steps,) * steps,
        step_sizes=(LENGTH / steps,) * steps,
    )


def comparison(**changes):
    trials = (
        scored("planned", "T = 8", 8, 4.0, 0.010, 80, "planned", predicted=nats(3.9)),
        scored("planned", "T = 16", 16, 1.5, 0.020, 88, "planned", predicted=nats(1.6)),
        scored("threshold", "0.9", [7, 8, 9, 12], 9.0, 0.012, 70),
        scored("threshold", "0.5", [3, 4, 5, 4], 22.0, 0.005, 40),
        scored("equal_sizes", "T = 8", 8, 12.0, 0.011, 60, "planned", predicted=nats(12.2)),
        scored("one_by_one", "", 64, 0.0, 0.080, 90, "planned", predicted=Estimate.exactly(0.0)),
        ran("llada", "steps = 8", 8, 0.012, 30, how=GREEDY, quality=quality(1.4, 0.55)),
        Trial("wino:0.6", "wino", "0.6", error="InputError: wino needs a verify share"),
    )
    line = AutoregressiveLine("same size, random weights", 1_200_000, False, None, 0.040, 3000.0, 16, LENGTH)
    made = {
        "model": {"name": "small", "digest": "0" * 12},
        "parameters": 1_200_000,
        "data": "held-out lines",
        "length": LENGTH,
        "given": 0,
        "texts": 64,
        "measured": 64,
        "samples": 100,
        "seed": 3,
        "one_at_a_time": nats(200),
        "frontier": tuple((calls, nats(30 / calls)) for calls in (4, 8, 16, 32, 64)),
        "trials": trials,
        "real": quality(3.3, 0.08),
        "autoregressive": line,
        "task": "sums",
        "seconds": 12.0,
    }
    return Comparison(**(made | changes))


FULL = comparison()
DEGREES = {
    "without an autoregressive model": {"autoregressive": None},
    "with a trained autoregressive model": {
        "autoregressive": replace(FULL.autoregressive, price=nats(-3), trained=True)
    },
    "without a task": {"task": "", "trials": tuple(replace(trial, valid=None) for trial in FULL.trials)},
    "without measured-only rules": {"trials": tuple(FULL.scored)},
    "with measured-only rules alone": {"trials": tuple(FULL.measured_only)},
    "without wall times": {"trials": tuple(replace(trial, timing=None) for trial in FULL.trials)},
    "with all rules failed": {"trials": tuple(FULL.failed)},
    "of a law": {"parameters": None, "autoregressive": None, "frontier": ()},
    "with a judge": {
        "real_judge": {"nats_per_token": 3.1, "nats_per_character": 0.9, "perplexity": 22.2},
        "judge": "j",
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("compare")
    (path / "mine.txt").write_text("mine")
    compare_page.write(FULL, path, "unmask compare small --data <held out>")
    return path


@pytest.fixture(scope="module")
def page(folder):
    return (folder / "index.html").read_text(encoding="utf-8")


def shown(found, width=100):
    text = io.StringIO()
    report.show(found, Console(file=text, width=width))
    return text.getvalue()


def test_every_figure_is_written_as_png_and_svg(folder):
    for kind in ("png", "svg"):
        assert {path.stem for path in folder.glob(f"*.{kind}")} == FIGURES
    for name in FIGURES:
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert ElementTree.parse(folder / f"{name}.svg").getroot().tag.endswith("svg")


def test_every_file_that_is_named_exists_and_others_are_left_alone(folder, tmp_path):
    files = compare_page.write(FULL, tmp_path)
    assert len(files) == len(set(files))
    assert {path.name for path in files} == {path.name for path in folder.iterdir()} - {"mine.txt"}
    assert (folder / "mine.txt").read_text() == "mine"


def test_the_page_refers_to_nothing_outside_itself(page):
    assert not re.search(r"https?:|@import|<link|<img|<iframe|\bsrc=", page)
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", page))
    assert all(target.startswith(("#", "data:image/png")) for target in re.findall(r'href="([^"]*)"', page))


def test_every_id_of_the_page_is_unique_and_every_reference_has_a_target(page):
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    targets = set(re.findall(r"url\(#([^)]*)\)", page)) | set(re.findall(r'href="#([^"]*)"', page))
    assert targets <= set(ids)


def test_the_tags_of_the_page_are_balanced(page):
    class Balance(HTMLParser):
        def __init__(self):
            super().__init__()
            self.open = []

        def handle_starttag(self, tag, attrs):
            if tag not in {"meta", "input"}:
                self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    parser = Balance()
    parser.feed(page)
    assert parser.open == []


def test_sampled_texts_and_the_command_are_escaped(page):
    assert page.count("<script") == 1  # the page's own, which holds no text of anybody's
    assert "wrote this" not in page[page.index("<script") :]
    assert "one &lt;script&gt;alert(1)&lt;/script&gt; &amp; two" in page
    assert "--data &lt;held out&gt;" in page


def test_the_page_shows_every_figure_and_says_why_rules_are_measured_only(page):
    assert page.count("<svg") == len(FIGURES)
    assert GREEDY.removeprefix("measured only: ") in page
    assert "wino needs a verify share" in page


def test_trials_survive_the_way_through_csv(folder):
    with open(folder / "trials.csv", encoding="utf-8", newline="") as file:
        rows = {row["key"]: row for row in csv.DictReader(file)}
    assert list(rows) == [trial.key for trial in FULL.trials]
    for trial in FULL.scored:
        row = rows[trial.key]
        assert float(row["price"]) == trial.scored.value
        assert float(row["price_high"]) == trial.scored.high
        assert float(row["latency"]) == trial.timing.latency
        assert int(row["right"]) == trial.valid.count
    assert rows["llada:steps = 8"]["price"] == ""
    assert rows["llada:steps = 8"]["how"] == GREEDY
    assert rows["wino:0.6"]["error"].startswith("InputError")


def test_the_json_file_is_the_comparison(folder):
    assert json.loads((folder / "comparison.json").read_text()) == json.loads(json.dumps(FULL.to_dict()))


def test_undominated_rules_are_marked_and_no_others():
    table = report.scored_table(FULL)
    marks = dict(zip(table.column("rule"), table.column("mark"), strict=True))
    assert [name for name, mark in marks.items() if mark] == [
        "threshold 0.5",
        "planned T = 8",
        "planned T = 16",
        "one_by_one",
    ]
    assert table.column("calls") == sorted(table.column("calls"))


def test_prices_are_shown_per_token():
    rows = report.scored_table(FULL).where(rule="planned T = 16").to_dict()
    assert rows[0]["price"] == "0.023 ± 0.005"
    assert rows[0]["predicted"] == "0.025 ± 0.005"
    assert rows[0]["perplexity"] == pytest.approx(2.718281828 ** (1.5 / 64))
    assert rows[0]["latency"] == pytest.approx(20)


def test_rules_without_a_likelihood_never_stand_among_the_scored():
    assert not any("llada" in name for name in report.scored_table(FULL).column("rule"))
    measured = report.measured_table(FULL)
    assert measured.column("rule") == ["real text", "llada steps = 8"]
    assert not {"price", "predicted"} & {column.name for column in measured.columns}


@pytest.mark.parametrize("width", [80, 100])
def test_nothing_is_cut_off_on_a_terminal_of_this_width(width):
    lines = shown(FULL, width).splitlines()
    assert max(map(len, lines)) <= width
    assert not any("…" in line for line in lines)


def test_the_terminal_says_what_failed_and_what_was_measured_only():
    text = shown(FULL)
    assert "wino needs a verify share" in text
    assert text.index("planned T = 8") < text.index("Measured only") < text.index("llada")


def test_the_headline_names_the_rule_with_the_fewest_calls_within_a_twentieth_of_a_nat():
    first = compare_headline.headline(FULL)[0]
    assert "The fewest calls within 0.05 nats/token: planned T = 16, 0.023 ± 0.005 nats/token in 16 calls" in first
    assert "88% of its texts right" in first


def test_the_headline_begins_with_a_rule_that_costs_nothing_and_says_what_fewer_calls_cost():
    """The latin square of the documents: an adaptive rule is free at 8 calls, a plan of as many is not."""
    trials = (
        scored("entropy_bound", "0.1", [8, 9, 8], 0.0, 0.01, 100),
        scored("planned", "T = 4", 4, 1.6, 0.01, 60),
        scored("planned", "T = 8", 8, 0.9, 0.01, 80),
    )
    first, second = compare_headline.headline(comparison(trials=trials))[:2]
    assert first.startswith("entropy bound 0.1 costs nothing that can be measured: 0.000 ± 0.005 nats/token in 8.33")
    assert second.startswith("For fewer calls: planned T = 4, 0.025")


def test_a_free_rule_that_asks_about_many_canvases_is_followed_by_one_that_does_not():
    wide = replace(scored("exact", "draft = 8", 6, 0.0, 0.01, 100), canvases=40.0)
    found = comparison(trials=(wide, scored("threshold", "0.9", 12, 0.0, 0.01, 100)))
    first, second = compare_headline.headline(found)[:2]
    assert "in 6 calls (on 40 canvases)" in first
    assert second.startswith("With one canvas a call it is threshold 0.9")
    assert report.scored_table(found).column("canvases") == [40, 12]


def test_without_a_cheap_rule_the_headline_says_so_and_names_the_cheapest():
    trials = (scored("planned", "T = 8", 8, 20.0, 0.01, 10), scored("one_by_one", "", 64, 0.0, 0.1, 90))
    (first, *_) = compare_headline.headline(comparison(trials=trials))
    assert first.startswith("No rule that saves calls stays within 0.05")
    assert "The cheapest: planned T = 8" in first


def test_a_rule_of_ones_own_is_told_of_with_what_beats_it_and_labelled():
    own = scored("mine/rules.py:my_rule", "", 16, 3.0, 0.02, 50)
    found = comparison(trials=(*FULL.trials, own))
    (said,) = [sentence for sentence in compare_headline.headline(found) if sentence.startswith("Your rule")]
    assert "rules.py:my_rule: 0.047" in said
    assert "beaten by planned T = 16 (0.023" in said
    drawn = compare_plots.frontier(found)
    assert "rules.py:my_rule" in [text.get_text() for text in drawn.axes[0].texts]
    best = scored("mine", "", 4, 0.1, 0.02, 50)
    told = compare_headline.headline(comparison(trials=(*FULL.trials, best)))
    assert any("no rule compared is cheaper at as few calls" in sentence for sentence in told)


def test_the_rule_with_the_most_right_texts_is_named_when_it_is_another_one():
    right = ran("wino", "0.6", 8, 0.01, 99, how=GREEDY)
    told = compare_headline.headline(comparison(trials=(*FULL.trials[:-1], right)))
    assert "Most texts are right with wino 0.6, a rule without nats: 99% in 8 calls." in told


def test_prices_that_differ_by_rounding_do_not_beat_each_other():
    first, second = scored("threshold", "0.9", 8, 1e-9, 0.01, 90), scored("one_by_one", "", 64, 0.0, 0.1, 90)
    assert [trial.key for trial in undominated([first, second])] == [first.key]


def test_every_mark_has_a_row_and_beaten_rules_are_named_in_the_legend(page):
    rows = set(re.findall(r'data-trial="(\d+)"', page))
    marks = set(re.findall(r'id="frontier-mark-(\d+)"', page))
    assert rows == marks == {str(number) for number, trial in enumerate(FULL.trials) if trial.is_scored}
    assert "equal sizes (beaten)" in page
    assert 'data-name="threshold 0.9" data-calls="9" data-price="0.141 ± 0.005" data-right="70.0% (60–78)"' in page


def test_no_sentence_of_the_page_stands_there_twice(page):
    visible = re.sub(r"<(svg|script|style|table)\b.*?</\1>", "", page, flags=re.DOTALL)
    inside = re.findall(r"<(?:p|li)[^>]*>(.*?)</(?:p|li)>", visible, re.DOTALL)
    paragraphs = [re.sub(r"\s+", " ", text) for text in inside]
    own = [text for text in paragraphs if "alert(1)" not in text]  # every rule of the fixture writes that
    sentences = [part for text in own for part in text.split(". ") if len(part) > 40]
    assert len(sentences) > 20
    assert len(set(sentences)) == len(sentences)


def test_texts_are_marked_right_and_wrong_where_that_is_known():
    judged = tuple(replace(trial, texts_right=(True, False)) if trial.error is None else trial for trial in FULL.trials)
    page = compare_page.page(comparison(trials=judged))
    assert '<p class="right">one &lt;script' in page
    assert '<p class="wrong">planned wrote this' in page


def test_maps_show_single_texts_on_axes_of_whole_numbers():
    one = replace(FULL.trials[0], reveal_row=(-1, *(step for step in range(3) for _ in range(21))))
    (axes,) = compare_plots.reveals(comparison(trials=(one,))).axes
    offsets = axes.collections[-1].get_offsets()
    assert offsets[:, 0].tolist() == list(range(1, 64))
    assert sorted(set(offsets[:, 1].tolist())) == [1, 2, 3]
    for drawn in (compare_plots.reveals(FULL), compare_plots.steps(FULL)):
        for panel in drawn.axes:
            ticks = panel.get_xticks()
            assert all(float(tick).is_integer() for tick in ticks)


def test_the_leaderboard_counts_the_most_tokens_a_call_at_so_many_right_answers():
    rows = {row["rule"]: row for row in report.leaderboard(FULL).to_dict()}
    assert rows["planned"]["tokens_at_80"] == 8  # 64 tokens in 8 calls, 80 % right
    assert rows["threshold"]["tokens_at_80"] is None
    assert rows["threshold"]["tokens_at_70"] == pytest.approx(64 / 9)
    assert rows["one_by_one"]["aup"] == pytest.approx(90)
    assert rows["planned"]["aup"] == pytest.approx(4 * 88)  # 80 % in 8 calls is more than five points below 88 %
    assert report.leaderboard(comparison(**DEGREES["without a task"])).rows == ()


def test_the_verdict_says_from_how_many_calls_the_autoregressive_model_is_faster():
    alone, together = report.autoregressive_verdict(FULL)
    assert "64 network calls" in alone
    assert "faster than 1 of 6" in alone
    assert "16 texts together" in together
    assert report.autoregressive_verdict(comparison(autoregressive=None)) == []


@pytest.mark.parametrize("what", DEGREES)
def test_a_comparison_is_shown_and_has_a_page(what):
    found = comparison(**DEGREES[what])
    if what == "with a judge":
        judged = {"nats_per_token": 2.0, "nats_per_character": 0.6, "perplexity": 7.4}
        found = replace(
            found, trials=tuple(replace(t, judge=judged if t.error is None else None) for t in found.trials)
        )
    for width in (80, 100):
        assert max(map(len, shown(found, width).splitlines())) <= width
    drawn = compare_plots.all_figures(found)
    assert "{{" not in compare_page.page(found, drawn=drawn)
    assert ("frontier" in drawn) == bool(found.scored)
    assert ("latency" in drawn) == any(trial.timing for trial in found.scored)
    assert ("validity" in drawn) == any(trial.valid for trial in found.trials)


@pytest.mark.parametrize("latency", [0.003991080258222489, 0.0006604079920688417, 0.001, 0.0123])
def test_a_single_trial_has_axes_as_wide_as_a_factor_of_two(latency):
    """Latency and throughput of the first two: limits of one point that are one rounding apart, no width in logs."""
    one = replace(
        scored("equal_sizes", "T = 1", [1, 2, 1], 0.0, latency, 80), timing=Timing(latency, 2462.2083459749256, 16, 5)
    )
    drawn = compare_plots.all_figures(comparison(trials=(one,), autoregressive=None, frontier=()))
    for name in ("latency", "throughput", "frontier", "validity"):
        drawn[name].draw_without_rendering()
        low, high = drawn[name].axes[0].get_xlim()
        assert high >= 1.99 * low
    for name in ("latency", "throughput", "frontier"):  # a price of 1e-19 is zero and has an axis of prices
        low, high = drawn[name].axes[0].get_ylim()
        assert low < 0 < 0.02 <= high


def test_a_hundred_rules_have_a_page_too():
    many = [scored("factor", str(n), [n, n + 1], 90 / n, 0.001 * n, min(90, n)) for n in range(2, 60)]
    many += [
        ran("remdm", f"steps = {n}", n, 0.001 * n, n, how=GREEDY, quality=quality(3 - n / 50)) for n in range(4, 46)
    ]
    text = compare_page.page(comparison(trials=tuple(many)))
    assert len(text) < 4_000_000
    assert "factor 59" in text
