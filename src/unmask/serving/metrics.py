"""What the server counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_POWERS = tuple(float(2**power) for power in range(11))


class Metrics:
    """The series of one server, in a registry of their own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.requests = Counter("unmask_requests", "Requests answered.", ["path", "status"], registry=registry)
        self.in_progress = Gauge("unmask_requests_in_progress", "Requests being answered.", registry=registry)
        self.waiting = Gauge("unmask_waiting_rows", "Rows that wait for their turn.", registry=registry)
        self.running = Gauge("unmask_running_rows", "Rows that are being filled.", registry=registry)
        self.rows = Histogram(
            "unmask_rows_per_step", "Rows that took a step together.", buckets=_POWERS, registry=registry
        )
        self.forwards = Counter("unmask_shared_forwards", "Forward passes that rows shared.", registry=registry)
        self.step = Histogram(
            "unmask_step_duration_seconds",
            "One step of all rows that run.",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
            registry=registry,
        )
        self.tokens = Counter("unmask_tokens", "Tokens drawn.", registry=registry)
        self.calls = Counter("unmask_network_calls", "Network calls, one a row a call.", registry=registry)
        self.tokens_per_call = Histogram(
            "unmask_tokens_per_call", "Tokens drawn a network call, by row.", buckets=_POWERS, registry=registry
        )
        self.promised = Counter("unmask_nats_promised", "Parallel price that plans foretold.", registry=registry)
        self.paid = Counter("unmask_nats_paid", "Minus the log-probability of drawn tokens.", registry=registry)

    def turned(self, rows: int, forwards: int, seconds: float) -> None:
        """All rows took a step."""
        self.rows.observe(rows)
        self.forwards.inc(forwards)
        self.step.observe(seconds)

    def standing(self, running: int, waiting: int) -> None:
        self.running.set(running)
        self.waiting.set(waiting)

    def finished(self, tokens: int, calls: int, nats: float, promised: float) -> None:
        """A row is done."""
        self.tokens.inc(tokens)
        self.calls.inc(calls)
        self.tokens_per_call.observe(tokens / max(calls, 1))
        self.paid.inc(max(nats, 0.0))
        self.promised.inc(max(promised, 0.0))

    def text(self) -> bytes:
        """All series in Prometheus' text format."""
        return generate_latest(self.registry)
