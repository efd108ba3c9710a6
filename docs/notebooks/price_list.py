# %% [markdown]
# # Your model's price list
#
# Measure a model once on text it was not trained on, and know what every number of network calls will cost. Put your own
# folder or hub id in the place of "toy", and your own text in the place of its sentences.

# %%
from matplotlib import pyplot

import unmask

model = unmask.load("toy")
grammar = unmask.oracle(unmask.laws.toy_grammar())
texts = grammar.decode(grammar.law.sample(120, seed=1))
print(texts[0])

# %%
measured = unmask.measure(model, texts, search_calls=4000)
measured

# %% [markdown]
# The list: how many steps, in which order, at which price. `perplexity_factor` is the factor by which perplexity grows.

# %%
prices = measured.to_dataframe()
print(prices[["steps", "order", "parallel_price", "low", "high", "perplexity_factor"]])

# %% [markdown]
# Say what you would pay. The plan keeps the budget with 95 % confidence, or says that it cannot.

# %%
plan = unmask.plan(measured, budget=0.1)
plan

# %%
out = unmask.sample(model, plan, n=4, seed=0)
print(out.summary())
print("\n".join(out.texts))

# %% [markdown]
# Was the promise kept? Score the plan on texts that nothing was fitted on.

# %%
fresh = grammar.decode(grammar.law.sample(60, seed=2))
score = unmask.score(model, plan, fresh)
print(score.summary())
print(f"promised: at most {plan.at_most:.3f} nats/token beyond one at a time in the plan's order")
pyplot.close("all")
