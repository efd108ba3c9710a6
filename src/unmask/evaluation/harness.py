"""An entrance for EleutherAI's lm-evaluation-harness: `--model unmask` runs its tasks by any plan or rule of ours.

`python -m unmask.evaluation.harness --model unmask --model_args pretrained=PATH,rule=entropy_bound:0.1 --tasks …` takes
the arguments of `lm_eval`; in Python, importing this module registers the model for `lm_eval.simple_evaluate`.

- Generation: `gen_length` masked tokens after the prompt, filled by the sampler; greedy unless the task samples.
- Likelihood: E over reveal orders of log p(continuation | context, order), nats, at temperature 1, under the plan or
  rule that is run: a lower bound on the log-likelihood of what that sampler says. Not the ELBO of another adapter,
  which draws mask counts, although one token at a time in uniform order has the same mean.

Every answer depends on (seed, prompt) and on nothing that shares the batch. Needs the extra `unmask[harness]`.
"""

import difflib
import inspect
import logging
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, cast

import torch

from unmask.errors import InputError
from unmask.evaluation.harness_sampler import ALIASES, Chosen, Trailing, cut_at, seed_of
from unmask.models.guidance import Guidance
from unmask.models.predictor import Predictor
from unmask.models.pretrained import load
from unmask.sampling import stopping
from unmask.sampling.sample import sample
from unmask.sampling.sampler import Sampler
from unmask.sampling.score import score

try:
    from lm_eval.__main__ import cli_evaluate
    from lm_eval.api.model import LM
    from lm_eval.api.registry import register_model
    from lm_eval.utils import simple_parse_args_string
except ImportError as error:
    _NEEDED = f"unmask.evaluation.harness needs lm_eval ({error}): pip install 'unmask[harness]'"
    if __name__ == "__main__":
        print(_NEEDED, file=sys.stderr)
        raise SystemExit(2) from None
    raise InputError(_NEEDED) from error

log = logging.getLogger(__name__)

_LENGTHS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
_DEFAULT_LENGTH, _DEFAULT_ORDERS = 128, 4
Pair = tuple[tuple[int, ...], tuple[int, ...]]  # context, continuation


@register_model("unmask")
class HarnessModel(LM):
    """A masked diffusion model as the harness sees one.

    Args:
        pretrained: a model folder, a shipped model's name, or a hub id.
        rule: a decoding rule by name, as `unmask sample --rule`; ";" may stand for "," in it.
        plan: a plan file. Without rule and plan: `steps` equal sizes in random `order`, or one token at a time.
        alg: Dream's or LLaDA's name of a rule.
        steps, block_length, order: parameters of the rule.
        gen_length: tokens generated; by default the plan's, the task's, or 128.
        temperature, top_p, top_k: of generation; by default the task's. Likelihoods are at temperature 1.
        cfg: scale of classifier-free guidance by the prompt; LLaDA's.
        mc_num: reveal orders a likelihood is averaged over, where they are random.
        check_greedy: whether to compute the second value of a likelihood, at the price of decoding.
        seed, batch_size, max_length, device, dtype, trust_remote_code, mask_token_id: as their names say.

    Raises:
        InputError: an unknown argument, a wrong value, or parts that do not fit together.
    """

    def __init__(
        self,
        pretrained: str | None = None,
        *,
        rule: str | None = None,
        plan: str | None = None,
        alg: str | None = None,
        steps: int | None = None,
        block_length: int | None = None,
        order: str | None = None,
        gen_length: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        top_k: int | None = None,
        cfg: float = 0.0,
        mc_num: int = _DEFAULT_ORDERS,
        check_greedy: bool = True,
        seed: int = 0,
        batch_size: int | str | None = None,
        max_batch_size: int | None = None,
        max_length: int | None = None,
        device: str | None = None,
        dtype: str | None = None,
        trust_remote_code: bool = False,
        mask_token_id: int | None = None,
        **others: Any,
    ):
        super().__init__()
        if others:
            raise InputError(f"unmask has no model argument {next(iter(others))!r}; {_nearest(next(iter(others)))}")
        if pretrained is None:
            raise InputError("pretrained is missing from model_args; give a model folder, a shipped model or a hub id")
        whole = {"steps": steps, "block_length": block_length, "gen_length": gen_length, "mc_num": mc_num}
        for name, value in (whole | {"max_length": max_length}).items():
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise InputError(f"{name} is {value!r}; expected a whole number, at least 1")
        self.chosen = Chosen.by_arguments(rule, plan, alg, steps, block_length, order, gen_length)
        self.gen_length = self.chosen.gen_length
        self.drawing: tuple[Any, Any, Any] = (temperature, top_k, top_p)
        self.cfg, self.mc_num, self.check_greedy, self.seed = float(cfg), mc_num, check_greedy, seed
        self.batch_size = int(str(batch_size)) if str(batch_size).isdigit() else None
        given = {"dtype": dtype, "mask_token_id": mask_token_id}
        overrides: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        predictor = load(str(pretrained), device, trust_remote_code=trust_remote_code, **overrides)
        limits = (max_length, predictor.length, predictor.max_length)
        self.limit = min((value for value in limits if value is not None), default=None)
        self.predictor: Any = predictor if predictor.length is None else Trailing(cast(Predictor, predictor))
        self._device = predictor.device
        if self.gen_length is not None and self.limit is not None and self.gen_length > self.limit:
            raise InputError(f"gen_length is {self.gen_length}; {pretrained} takes at most {self.limit} tokens in all")
        self.chosen.sampler(
            self.gen_length or _DEFAULT_LENGTH
        )  # a rule that does not exist is said before anything is run

    @classmethod
    def create_from_arg_obj(cls, arg_dict: dict[str, Any], additional_config: dict[str, Any] | None = None) -> Any:
        """The model of `--model_args`, other adapters' names translated; what is said there wins over the options."""
        said: dict[str, Any] = {}
        for name, value in arg_dict.items():
            if ALIASES.get(name, name) in said:
                raise InputError(f"{ALIASES.get(name, name)} was given twice, once as {name}")
            said[ALIASES.get(name, name)] = value
        options = {name: value for name, value in (additional_config or {}).items() if value is not None}
        if str(options.get("device")).startswith("cuda") and not torch.cuda.is_available():
            del options["device"]  # the command line's default is cuda:0, asked for or not
        return cls(**options | said)

    @classmethod
    def create_from_arg_string(cls, arg_string: str, additional_config: dict[str, Any] | None = None) -> Any:
        """The same, from `name=value,name=value`."""
        return cls.create_from_arg_obj(simple_parse_args_string(arg_string), additional_config)

    # -- what the harness asks for -----------------------------------------------------------------------------------

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """The text each prompt is continued with, cut at its `until` strings and at the end of the text."""
        groups: dict[Any, list[int]] = defaultdict(list)
        prompts = [tuple(self.predictor.encode(request.args[0])) for request in requests]
        seen: Counter[Any] = Counter()
        seeds = []
        for number, request in enumerate(requests):
            new, drawing = self._length_of(request.args[1], prompts[number]), self._drawing_of(request.args[1])
            prompts[number] = self._cut(prompts[number], new)
            seeds.append(seed_of(self.seed, prompts[number], seen[prompts[number]]))  # repeats differ from each other
            seen[prompts[number]] += 1
            groups[(len(prompts[number]) if self.cfg else None, new, drawing)].append(number)
        texts = [""] * len(requests)
        for (_, new, drawing), members in groups.items():
            sampler = self.chosen.sampler(new).drawing(*drawing)
            if self.predictor.end_of_text_id is not None and sampler.revision is None:
                sampler = sampler.ending(stopping.EndOfText())
            rows = self._sampled(sampler, [prompts[m] for m in members], new, [seeds[m] for m in members])
            for member, row in zip(members, rows, strict=True):
                texts[member] = cut_at(self._decode(row), requests[member].args[1].get("until"))
        return texts

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Log-probability of each continuation given its context, nats, and whether greedy decoding says it."""
        pairs = [self._pair(*request.args) for request in requests]
        return list(zip(self._scores(pairs), self._greedy(pairs), strict=True))

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:
        """Log-probability of each whole text, nats, window by window of the model's length; the last has context."""
        pairs, owners = [], []
        for number, request in enumerate(requests):
            tokens = tuple(self.predictor.encode(request.args[0]))
            for start in range(0, len(tokens), self.limit or max(1, len(tokens))):
                end = min(start + (self.limit or len(tokens)), len(tokens))
                pairs.append((tokens[max(0, end - (self.limit or end)) : start], tokens[start:end]))
                owners.append(number)
        totals = [0.0] * len(requests)
        for owner, found in zip(owners, self._scores(pairs), strict=True):
            totals[owner] += found
        return totals

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        raise InputError("unmask does not apply chat templates in the harness; leave --apply_chat_template out")

    # -- how it is answered ------------------------------------------------------------------------------------------

    def _scores(self, pairs: list[Pair]) -> list[float]:
        found = [0.0] * len(pairs)
        for members, predictor in self._groups(pairs):
            given, n = [pairs[member][0] for member in members], len(pairs[members[0]][1])
            texts, sampler = [list(pairs[m][0] + pairs[m][1]) for m in members], self.chosen.scored(n)
            total = torch.zeros(len(members), dtype=torch.float64)
            orders = self.mc_num if sampler.random else 1
            for number in range(orders):  # choices of one question share their orders: their difference is surer
                total += score(
                    predictor, sampler, texts, batch_size=self.batch_size, prompt=[len(c) for c in given],
                    seeds=torch.tensor([seed_of(self.seed, context, number) for context in given]),
                ).log_prob  # fmt: skip
            for member, value in zip(members, (total / orders).tolist(), strict=True):
                found[member] = value
        return found

    def _greedy(self, pairs: list[Pair]) -> list[bool]:
        said = [self.check_greedy] * len(pairs)
        for members, _ in self._groups(pairs) if self.check_greedy else ():
            n = len(pairs[members[0]][1])
            seeds = [seed_of(self.seed, pairs[m][0], 0) for m in members]
            rows = self._sampled(self.chosen.scored(n).drawing(0), [pairs[m][0] for m in members], n, seeds)
            for member, row in zip(members, rows, strict=True):
                said[member] = tuple(row) == pairs[member][1]
        return said

    def _groups(self, pairs: list[Pair]) -> Iterable[tuple[list[int], Any]]:
        """Numbers of the pairs that one sampler and one predictor answer; empty continuations are left out."""
        groups: dict[Any, list[int]] = defaultdict(list)
        for number, (context, continuation) in enumerate(pairs):
            if continuation:
                groups[(len(context) if self.cfg else 0, len(continuation))].append(number)
        for (given, n), members in groups.items():
            yield members, self._guided(given, given + n)

    def _guided(self, given: int, length: int) -> Any:
        return Guidance(self.predictor, self.cfg, torch.arange(length) < given) if self.cfg else self.predictor

    def _sampled(self, sampler: Sampler, prompts: list[Any], new: int, seeds: list[int]) -> list[list[int]]:
        """The new tokens after each prompt."""
        predictor = self._guided(len(prompts[0]), len(prompts[0]) + new)
        out = sample(
            predictor, sampler, prompt=[torch.tensor(prompt, dtype=torch.int64) for prompt in prompts],
            new_tokens=new, seeds=torch.tensor(seeds), batch_size=self.batch_size,
        )  # fmt: skip
        return [row[len(prompt) :] for row, prompt in zip(out.rows(), prompts, strict=True)]

    def _length_of(self, asked: dict[str, Any], prompt: Any) -> int:
        if self.gen_length is not None:
            return self.gen_length
        wanted = int(next((asked[name] for name in _LENGTHS if asked.get(name)), _DEFAULT_LENGTH))
        if self.limit is None or wanted + len(prompt) <= self.limit:
            return wanted
        room = max(1, self.limit - len(prompt))
        log.warning("generating %d tokens instead of %d: %d fit in all", min(wanted, room), wanted, self.limit)
        return min(wanted, room)

    def _drawing_of(self, asked: dict[str, Any]) -> tuple[float, int | None, float | None]:
        """Temperature, top-k and top-p: the model's arguments, or else the task's where it samples."""
        task = asked if asked.get("do_sample") else {"temperature": 0.0}
        theirs = (task.get("temperature", 1.0), task.get("top_k") or None, task.get("top_p"))
        temperature, top_k, top_p = (t if mine is None else mine for mine, t in zip(self.drawing, theirs, strict=True))
        return float(temperature or 0.0), None if top_k is None else int(top_k), top_p

    def _pair(self, context: str, continuation: str) -> Pair:
        """Tokens of context and continuation, cut where the context alone ends; spaces go to the continuation."""
        bare = context.rstrip()
        continuation, context = context[len(bare) :] + continuation, bare
        first = self.predictor.encode(context) if context else []
        both = self.predictor.encode(context + continuation)
        if len(both) <= len(first) and continuation:
            both = first + self.predictor.encode(continuation)
        whole = tuple(both[len(first) :])
        if self.limit is not None and len(whole) > self.limit:
            raise InputError(f"a continuation has {len(whole)} tokens; the model takes at most {self.limit} in all")
        return self._cut(tuple(both[: len(first)]), len(whole)), whole

    def _cut(self, prompt: tuple[int, ...], new: int) -> tuple[int, ...]:
        room = len(prompt) if self.limit is None else min(len(prompt), self.limit - new)
        if room < len(prompt):
            log.warning("cut %d tokens off the left of a prompt: %d fit in all", len(prompt) - room, self.limit)
        return prompt[len(prompt) - room :]

    def _decode(self, row: list[int]) -> str:
        end = self.predictor.end_of_text_id
        return str(self.predictor.decode(row[: row.index(end)] if end in row else row))


def _nearest(name: str) -> str:
    known = [*list(inspect.signature(HarnessModel.__init__).parameters)[1:-1], *ALIASES]
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"


def main() -> None:
    """Hand over to the harness's own command line; bad input is one line."""
    try:
        cli_evaluate()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
