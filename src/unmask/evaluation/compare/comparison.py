"""A whole comparison: measured, every rule tried, every rule timed; resumable, because every trial is a file.

settings.json        what is compared, so that a folder is never filled from two comparisons
measured.curve.json  the measurement plans are made from
measured.dependence.json  what rules that read dependence were given, where one was tried
trials/KEY.json      one file a trial
"""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unmask.errors import InputError
from unmask.evaluation.compare.attempt import Attempts, drawing, times
from unmask.evaluation.compare.check import Check
from unmask.evaluation.compare.ground import Ground
from unmask.evaluation.compare.rules import Entry, Rules, chosen, ladder, own_entry
from unmask.evaluation.compare.trial import AutoregressiveLine, Comparison, Timing, Trial
from unmask.files import make_folder, only_writer, read_json, write_json
from unmask.measuring.estimate import Estimate
from unmask.measuring.measurement import Measurement, text_digest
from unmask.measuring.model_identity import describe_model
from unmask.models.capabilities import folder_of, law_of
from unmask.planning.plan import Plan
from unmask.theory.dependence_profile import DependenceProfile

FORMAT = "unmask.compare/1"
TIMING = "unmask.timing/1"
ORDERS = ("left_to_right", "bit_reversal")
"""Reveal orders that are measured besides the uniform one."""


@dataclass(frozen=True)
class Request:
    """What is to be compared, besides the model and its texts.

    Attributes:
        rules: as `--rules` says it. steps: numbers of steps for rules with steps; L/2, L/4, L/8, L/16 when empty.
        plans: files of plans made elsewhere. samples: texts drawn with every rule.
        batch, rounds: texts together, and turns of every rule, when wall time is measured; 0 rounds measure none.
        autoregressive: "" for none, "same-size", or the path of a trained causal language model.
        judge: path of a causal language model that judges what is drawn, or "". mauve: whether to use it for MAUVE.
        data: what the texts are, in words.
        own: (name, sampler or what makes one) of rules that have no name of ours.
    """

    rules: str = "auto"
    steps: tuple[int, ...] = ()
    plans: tuple[Path, ...] = ()
    samples: int = 64
    batch: int = 16
    rounds: int = 3
    autoregressive: str = "same-size"
    judge: str = ""
    mauve: bool = False
    data: str = ""
    own: tuple[tuple[str, Any], ...] = ()


@dataclass(eq=False)
class Run:
    """One comparison in one folder.

    Args:
        say: told in words what is being done. progress: told (done, total) after every rule.
    """

    ground: Ground
    request: Request
    folder: Path
    say: Callable[[str], object] = lambda words: None
    progress: Callable[[int, int], object] = lambda done, total: None
    _notes: list[str] = field(default_factory=list)

    def run(self, resume: bool = False, force: bool = False) -> Comparison:
        """Compare; what the folder holds of the same comparison already is taken up with `resume`."""
        make_folder(self.folder)
        with only_writer(self.folder):
            return self._run(resume, force)

    def _run(self, resume: bool, force: bool) -> Comparison:
        begun = time.monotonic()
        ground, request = self.ground, self.request
        # Every word is checked before anything is computed or removed.
        names = chosen(request.rules, ORDERS) if request.rules or not request.own else []
        plans = {path.name.removesuffix(".json").removesuffix(".plan"): self._plan(path) for path in request.plans}
        judge, mauve = self._judge()
        reference = self._reference()
        self._open(resume, force)
        measured = self._measured()
        rules = Rules(measured, request.steps or ladder(ground.length), plans, self._dependence)
        entries = rules.entries(names) + [own_entry(name, rule) for name, rule in request.own]
        self.say("scoring one token at a time")
        _ = ground.alone
        attempts = Attempts(ground, request.samples, judge, mauve)
        trials = self._tried(entries, attempts)
        line = self._timed(entries, trials, attempts, reference)
        return put_together(
            attempts,
            rules,
            [trials[entry.key] for entry in entries],
            data=request.data,
            real_judge=None if judge is None else judge(attempts.real_texts(attempts.real)),
            autoregressive=line,
            judge=request.judge,
            seconds=time.monotonic() - begun,
            notes=tuple(self._notes),
        )

    # -- before anything is computed --

    def _plan(self, path: Path) -> Plan:
        plan = Plan.load(path)
        if plan.length != self.ground.length:
            raise InputError(
                f"--plan {path} reveals {plan.length} tokens; the texts leave {self.ground.length} to reveal"
            )
        return plan

    def _judge(self) -> tuple[Any, Any]:
        if not self.request.judge:
            if self.request.mauve:
                raise InputError("--mauve needs --judge, the model whose states the texts are compared by")
            return None, None
        from unmask.evaluation import judge as judges

        judge = judges.Judge(self.request.judge)
        path = self.request.judge

        def say(texts: list[str]) -> dict[str, float]:
            found = judge.perplexity(texts)
            kept = ("nats_per_token", "nats_per_character", "perplexity", "tokens", "texts")
            return {name: float(getattr(found, name)) for name in kept}

        return say, (lambda texts, real: judges.mauve(texts, real, path)) if self.request.mauve else None

    def _reference(self) -> Any:
        wanted = self.request.autoregressive
        if not wanted or self.ground.given:
            return None
        from unmask.evaluation import autoregressive

        if wanted != "same-size":
            return autoregressive.load_reference(wanted, self.ground.predictor)
        if law_of(self.ground.predictor) is not None:
            return None  # a law has no network whose size another could have
        try:
            return autoregressive.same_size(self.ground.predictor, self.ground.length)
        except InputError as error:
            self._notes.append(f"no autoregressive reference: {error}")
            return None

    def _open(self, resume: bool, force: bool) -> None:
        """The folder, empty or with what is there of this very comparison."""
        settings = self._settings()
        path = self.folder / "settings.json"
        if self.folder.is_dir() and any(self.folder.iterdir()):
            if force and not resume:
                if not path.exists():
                    raise InputError(
                        f"--out {self.folder} holds no comparison; --force replaces only what compare wrote"
                    )
                shutil.rmtree(self.folder / "trials", ignore_errors=True)
                for name in ("measured.curve.json", "measured.dependence.json", "autoregressive.json"):
                    (self.folder / name).unlink(missing_ok=True)
            elif not resume:
                raise InputError(f"--out {self.folder} is not empty; go on with --resume, or replace it with --force")
            elif path.exists() or not self._is_empty():
                before = read_json(path, FORMAT)
                differs = [name for name, value in settings.items() if before.get(name) != value]
                if differs:
                    raise InputError(
                        f"--out {self.folder} holds a comparison with another {differs[0]} "
                        f"({before.get(differs[0])!r}, now {settings[differs[0]]!r}); give the same, or --force"
                    )
        make_folder(self.folder / "trials")
        write_json(path, settings)

    def _is_empty(self) -> bool:
        """Whether a comparison that died before it wrote its settings has been here."""
        trials = self.folder / "trials"
        found = [path for path in [*self.folder.iterdir(), *trials.glob("*")] if not path.name.startswith(".")]
        return found in ([], [trials])

    def _settings(self) -> dict[str, Any]:
        """What must be the same for trials to stand side by side; rules may be added later."""
        ground, request = self.ground, self.request
        return {
            "format": FORMAT,
            "model": describe_model(ground.predictor),
            "texts": text_digest(ground.texts.ravel()),
            "given": ground.given,
            "seed": ground.seed,
            "random_orders": ground.random_orders,
            "samples": request.samples,
            "judge": request.judge,
            "mauve": request.mauve,
            "batch": request.batch,
            "rounds": request.rounds,
            **({"check": ground.task.name} if isinstance(ground.task, Check) else {}),
        }

    # -- the work --

    def _measured(self) -> Measurement:
        path = self.folder / "measured.curve.json"
        if path.exists():
            return Measurement.load(path)
        found = self.ground.measure(list(ORDERS), self.say)
        found.save(path)
        return found

    def _dependence(self) -> DependenceProfile:
        path = self.folder / "measured.dependence.json"
        if not path.exists():
            self.say("measuring what depends on what")
            self.ground.measure_dependence().save(path)
        return DependenceProfile.load(path)

    def _tried(self, entries: Sequence[Entry], attempts: Attempts) -> dict[str, Trial]:
        trials: dict[str, Trial] = {}
        for number, entry in enumerate(entries):
            path = self.folder / "trials" / file_name(entry.key)
            self.say(entry.key)
            changes = entry.key in dict(self.request.own)  # what a function makes may be another sampler today
            trial = Trial.load(path) if path.exists() and not changes else None
            if trial is None or trial.error is not None:  # what failed may work now
                trial = attempts.attempt(entry)
                trial.save(path)
            trials[entry.key] = trial
            self.progress(number + 1, len(entries))
        return trials

    def _timed(
        self, entries: Sequence[Entry], trials: dict[str, Trial], attempts: Attempts, reference: Any
    ) -> AutoregressiveLine | None:
        """Wall times: of all again unless everything has its time, so that they are of the same minutes."""
        request, length = self.request, self.ground.length
        runnable = [entry for entry in entries if trials[entry.key].error is None]
        path = self.folder / "autoregressive.json"
        waiting = [entry for entry in runnable if trials[entry.key].timing is None]
        if request.rounds and (waiting or (reference is not None and not path.exists())):
            self.say(f"timing {len(runnable)} rules, {request.rounds} rounds")
            acts: dict[str, Any] = {entry.key: drawing(attempts, entry.make()) for entry in runnable}
            if reference is not None:
                acts[""] = lambda n, seed: reference.generate(n, length, seed)
            found = times(acts, length, request.batch, request.rounds)
            if reference is not None:
                write_json(path, {"format": TIMING, **vars(found.pop(""))})
            for key, timing in found.items():
                trials[key] = trials[key].timed(timing)
                trials[key].save(self.folder / "trials" / file_name(key))
        if reference is None or not path.exists():
            return None
        stored = read_json(path, TIMING)
        return self._autoregressive(reference, Timing(**{name: stored[name] for name in Timing.__annotations__}))

    def _autoregressive(self, reference: Any, timing: Timing) -> AutoregressiveLine:
        ground = self.ground
        price = None
        if not reference.random_weights:
            price = Estimate.of_mean(-np.asarray(reference.log_prob(ground.scored_texts)) - ground.baseline)
        return AutoregressiveLine(
            reference.name, reference.parameters, not reference.random_weights, price, timing.latency,
            timing.throughput, timing.batch, ground.length,
        )  # fmt: skip


def put_together(
    attempts: Attempts, rules: Rules, trials: Sequence[Trial], most: int | None = None, **more: Any
) -> Comparison:
    """Trials on one ground as a comparison, beside what plans were predicted to cost and what real text looks like.

    Args:
        most: steps of the predicted line at the most; as many as any order was measured for where it is None.
        more: further attributes of the comparison.
    """
    ground = attempts.ground
    planner = rules.planner()
    steps = _plan_steps(min(most or planner.max_steps, planner.max_steps))
    return Comparison(
        model=describe_model(ground.predictor),
        parameters=parameters(ground.predictor),
        length=ground.length,
        given=ground.given,
        texts=len(ground.scored_texts),
        measured=len(ground.measured_texts),
        samples=attempts.samples,
        seed=ground.seed,
        one_at_a_time=Estimate.of_mean(ground.baseline),
        frontier=tuple((count, planner.plan(count).price.scaled(ground.length)) for count in steps),
        trials=tuple(trials),
        real=attempts.quality(ground.scored_texts[: attempts.real, ground.given :]),
        task="" if ground.task is None else ground.task.name,
        **more,
    )


def _plan_steps(most: int) -> list[int]:
    """Numbers of steps of the predicted line: all of them up to 32, then ever fewer."""
    spaced = np.unique(np.rint(np.geomspace(1, most, 32)).astype(int))
    return [int(steps) for steps in (range(1, most + 1) if most <= 32 else spaced)]


def file_name(key: str) -> str:
    """A file name that tells keys apart on every system."""
    digest = hashlib.sha256(key.encode()).hexdigest()[:8]
    return f"{re.sub(r'[^a-z0-9_.=-]+', '-', key.lower())[:60]}-{digest}.json"


def parameters(predictor: Any) -> int | None:
    """Parameters of a checkpoint's network, from the sizes of its files of weights; None of a law."""
    folder = folder_of(predictor)
    files = sorted(folder.glob("*.safetensors")) if folder is not None else []
    if not files:
        return None
    from safetensors import safe_open

    total = 0
    for file in files:
        with safe_open(file, framework="np") as weights:
            total += sum(int(np.prod(weights.get_slice(name).get_shape())) for name in weights.keys())  # noqa: SIM118
    return total
