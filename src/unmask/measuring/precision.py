"""How precisely a measurement knows its prices: when measuring may stop."""

from unmask.measuring.measurement import Measurement
from unmask.theory.schedule import Schedule

# A coarse, a middling and a fine schedule: prices differ most in how well they are known between these.
PARTS = (4, 8, 16)


def half_width(measured: Measurement, confidence: float = 0.95) -> float:
    """Half the widest interval, nats per token, among the prices of L/4, L/8 and L/16 equal steps."""
    if len(measured.texts) < 3:
        return float("inf")
    widths = []
    for part in PARTS:
        steps = max(1, measured.length // part)
        found = measured.interval(Schedule.uniform(measured.length, steps), confidence)
        widths.append((found.high - found.low) / 2 / measured.length)
    return max(widths)
