"""How precisely a measurement knows its prices: when measuring may stop."""

from unmask.measuring.measurement import Measurement
from unmask.theory.schedule import Schedule

# A coarse, a middling and a fine schedule: prices differ most in how well they are known between these.
PARTS = (4, 8, 16)


def half_width(measured: Measurement, confidence: float = 0.95) -> float:
    """Half the widest interval, nats per token, among the parallel prices of L/4, L/8 and L/16 equal steps."""
    if len(set(measured.documents)) < 3:
        return float("inf")
    widths = []
    for part in PARTS:
        steps = max(1, measured.length // part)
        prices = measured.parallel_prices(Schedule.uniform(measured.length, steps))
        widths.append(measured.estimate(prices / measured.length, confidence).half_width)
    return max(widths)
