"""The server as a process: it listens, and at SIGTERM it takes nothing new, finishes what it has, and ends with 0."""

import signal

import uvicorn
from starlette.applications import Starlette


def run(application: Starlette, host: str, port: int, drain_seconds: float) -> None:
    """Serve until SIGTERM or SIGINT; a second one ends at once.

    Args:
        drain_seconds: how long requests in progress may take after the first.
    """
    config = uvicorn.Config(
        application,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,  # longer than clients keep an idle connection: they should be the ones to close it
        timeout_graceful_shutdown=max(1, round(drain_seconds)),
        h11_max_incomplete_event_size=2**16,
    )
    server = uvicorn.Server(config)
    # uvicorn raises the signal it was stopped by once more when it is done: that is no failure.
    before = [signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        server.run()
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGINT), before, strict=True):
            signal.signal(number, handler)
