# %% [markdown]
# # The paper in pictures
#
# A masked diffusion model reveals several tokens in one network call. Tokens revealed together are drawn independently
# of each other, and that costs quality. Li and Cai (NeurIPS 2025) prove how much. Here every number is exact: the model is
# a law whose answers are known.

# %%
import numpy as np
from matplotlib import pyplot

import unmask

law = unmask.laws.MarkovChain([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], 32)
curve = law.curve()
curve

# %% [markdown]
# The information curve says how uncertain a hidden token is when k random others are known. Its area is the entropy. What
# it loses from left to right is what tokens know of each other, and that is what revealing them together throws away.

# %%
one_step, one_at_a_time = unmask.Schedule([32]), unmask.Schedule([1] * 32)
print(
    f"all together: {unmask.price(curve, one_step):.3f} nats; one at a time: {unmask.price(curve, one_at_a_time):.3f}"
)

# %% [markdown]
# **The rate.** With T equal steps the price falls like 1/T, and no sampler of this kind falls faster. The best sizes only
# change the constant.

# %%
steps = np.array([1, 2, 4, 8, 16, 32])
equal = [unmask.price(curve, unmask.Schedule.uniform(32, int(T))) for T in steps]
axes = unmask.frontier(curve, 32).plot()
axes.plot(steps, equal, "s--", color="0.5", label="equal sizes")
axes.legend()

# %% [markdown]
# **The bound.** The paper's upper bound is linear in the information that tokens hold about each other. It lies above
# the price at every number of steps.

# %%
bound = [unmask.bounds.li_cai_upper(curve, unmask.Schedule.uniform(32, int(T))) for T in steps]
for T, price, most in zip(steps, equal, bound, strict=True):
    print(f"T = {T:2}: price {price:.3f}, bound {most:.3f}")
assert all(price <= most for price, most in zip(equal, bound, strict=True))

# %% [markdown]
# **The proof by sampling.** A plan is run on texts the law drew. What they cost beyond one token at a time is the price.

# %%
model = unmask.oracle(law)
score = unmask.score(model, unmask.best_schedule(curve, 4), law.sample(200, seed=0))
score

# %%
predicted = unmask.price(curve, unmask.best_schedule(curve, 4)) / 32
print(
    f"predicted {predicted:.4f} nats/token, scored {score.price.value:.4f} ({score.price.low:.4f} to {score.price.high:.4f})"
)
assert abs(score.price.value - predicted) < 3 * score.price.half_width
pyplot.close("all")
