"""`unmask serve MODEL`: an OpenAI-compatible server that says what every text cost and what was promised for it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from unmask.cli.common import RUN, SAMPLER, Device, Model, TrustRemoteCode
from unmask.errors import InputError


def serve(
    model: Model,
    plan: Annotated[
        list[Path] | None,
        typer.Option(
            "--plan",
            metavar="FILE",
            rich_help_panel=SAMPLER,
            help="A plan for requests; several may be given.",
        ),
    ] = None,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    api_key: Annotated[
        str | None, typer.Option(envvar="UNMASK_API_KEY", help="Ask every request for this key.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What requests call the model.  [MODEL's last part]")] = None,
    rows: Annotated[int, typer.Option(min=1, rich_help_panel=RUN, help="Texts that are filled at the same time.")] = 64,
    queue: Annotated[int, typer.Option(min=0, rich_help_panel=RUN, help="Texts that may wait beyond those.")] = 256,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, rich_help_panel=RUN, help="Time a request may take.")
    ] = 300.0,
    memory: Annotated[
        float,
        typer.Option(metavar="GIB", min=0.001, rich_help_panel=RUN, help="Memory for the predictions of one step."),
    ] = 1.0,
    longest_text: Annotated[
        int, typer.Option(min=1, rich_help_panel=RUN, help="Tokens of the longest text, prompt included.")
    ] = 4096,
    new_tokens: Annotated[
        int, typer.Option(min=1, rich_help_panel=RUN, help="Tokens where a request does not say how many.")
    ] = 64,
    device: Device = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Serve a model over HTTP, as OpenAI's clients expect it.

    Requests of all lengths and rules share the network, and none changes another's text. Stops at SIGTERM when what it
    has begun is finished. Needs `pip install "unmask[serve]"`.
    """
    try:
        from unmask.serving.app import Settings, app
        from unmask.serving.run import run
    except ModuleNotFoundError as error:
        raise InputError(f'{error.name} is not installed; pip install "unmask[serve]"') from None
    from unmask.models.resolve import resolve
    from unmask.serving.rows import Limits

    plans = {_name(path): _read(path) for path in plan or []}
    if len(plans) != len(plan or []):
        raise InputError("--plan was given twice with files of one name; requests could not tell them apart")
    predictor = resolve(model, device=device, trust_remote_code=trust_remote_code)
    called = name or Path(model).name or model
    settings = Settings(
        called, api_key, rows, queue, timeout, gibibytes=memory, limits=Limits(longest_text, new_tokens)
    )  # fmt: skip
    typer.echo(f"{called} at http://{host}:{port}/v1, {_said(plans)}", err=True)
    run(app(predictor, settings, plans), host, port, timeout)


def _name(path: Path) -> str:
    return path.name.removesuffix(".json").removesuffix(".plan")


def _read(path: Path) -> Any:
    """A plan of either kind."""
    from unmask.planning.exact_plan import ExactPlan, is_exact_plan
    from unmask.planning.plan import Plan

    return ExactPlan.load(path) if is_exact_plan(path) else Plan.load(path)


def _said(plans: dict[str, Any]) -> str:
    if not plans:
        return "no plan: one token at a time unless a request says otherwise"
    return f"plans: {', '.join(f'{name} ({plan.length} tokens)' for name, plan in plans.items())}"
