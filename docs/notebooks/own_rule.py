# %% [markdown]
# # Write your own rule and compare it
#
# A decoding rule says which positions come next and how many. This one takes the most confident positions for as
# long as the sum of their doubts stays small.

# %%
from dataclasses import dataclass, replace

from matplotlib import pyplot

import unmask
from unmask import recipes
from unmask.sampling.parts import Selection


@dataclass(frozen=True)
class Doubt(Selection):
    """Positions in order of wish, while the sum of (1 - the largest probability) is within `most`; at least one."""

    most: float = 0.2
    reads_model = True

    def __call__(self, step):
        doubt = 1 - step.grid(step.log_probs.max(-1).values.exp(), fill=-1.0)  # 2 where nothing was predicted
        wish = step.priority.argsort(dim=1, descending=True, stable=True)
        within = doubt.gather(1, wish).cumsum(1) <= self.most
        within[:, 0] = True
        return within.scatter(1, wish, within)


def doubtful(most=0.2):
    return replace(recipes.confidence(1), selection=Doubt(most), name="doubtful", source="")


# %% [markdown]
# On a law with right and wrong rows every rule is judged three ways: exact nats, network calls, and right answers.

# %%
model = unmask.oracle(unmask.laws.catalogue.from_name("latin_square"))
rules = ["planned", "threshold:0.9", "entropy_bound:0.1", "confidence", doubtful]
found = unmask.compare(model, rules, samples=24, steps=[4, 8])
assert not found.failed
print(found.summary())
found

# %%
table = found.to_dataframe()
print(table[["key", "calls", "price", "right", "drawn"]])

# %% [markdown]
# `found.save("folder")` writes the page with every figure. When the rule has proved itself, one file in
# `unmask/sampling/rules` makes it a rule like any other: see "Extending".

# %%
pyplot.close("all")
