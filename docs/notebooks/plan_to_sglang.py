# %% [markdown]
# # From plan to SGLang
#
# A plan is sizes and an order. Engines honour more or less of that, and a price holds only where all of it is honoured; the
# exporter says which.

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

import unmask

model = unmask.load("toy")
grammar = unmask.oracle(unmask.laws.toy_grammar())
texts = grammar.decode(grammar.law.sample(80, seed=1))
measured = unmask.measure(model, texts, orders="uniform")
plan = unmask.plan(measured, steps=8)
print(plan.summary())

# %%
with TemporaryDirectory() as folder:
    written = unmask.export(plan, "sglang", folder)
    print("\n".join(sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())))
    print((Path(folder) / "README.md").read_text())

# %% [markdown]
# What the engine cannot honour stands in the result, one sentence each. Where it says nothing, the plan's price holds.

# %%
for sentence in written.cannot:
    print("-", sentence)

# %% [markdown]
# Every engine at once: which of them can run this plan as it is?

# %%
from unmask.exporting.export import ENGINES, translate

for engine in ENGINES:
    try:
        cannot = translate(plan, engine).cannot
        print(f"{engine:14} {'all of it' if not cannot else f'{len(cannot)} things not honoured: ' + cannot[0]}")
    except unmask.InputError as error:
        print(f"{engine:14} cannot run it: {error}")
