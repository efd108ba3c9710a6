"""What `unmask verify` shows and writes: tables for the terminal, CSV, figures, and one self-contained page.

Everything is drawn from a finished `Verification`; nothing is computed here. matplotlib and jinja2 are imported only
when files are written.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmask.errors import InputError
from unmask.evaluation.subjects import Subject
from unmask.evaluation.table import Column, Table
from unmask.evaluation.verify import Verification
from unmask.files import write_bytes, write_json, write_text
from unmask.reports.tables import to_csv, to_rich
from unmask.theory.schedule import Schedule

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console

SHOWN_STEPS = 8
SHOWN_FAILURES = 5


def verdict(verification: Verification) -> str:
    """The last line: how many checks there were, and whether all of them hold."""
    count, failed = f"{verification.checks:,}", len(verification.failures)
    if verification.holds:
        return f"all {count} checks hold"
    return f"{failed:,} of {count} checks failed"


def show(verification: Verification, console: Console) -> None:
    """Print a table for every claim, then the verdict."""
    for number, claim in enumerate(verification.claims, 1):
        console.print(f"{number}. {claim.title}", style="bold", markup=False, highlight=False)
        console.print(claim.statement, markup=False, highlight=False)
        console.print(to_rich(claim.summary))
        console.print(f"{claim.checks:,} checks, {len(claim.failures):,} failed\n", highlight=False)
        for failure in claim.failures[:SHOWN_FAILURES]:
            console.print(f"failed: {failure}", style="red", markup=False, highlight=False)
        if len(claim.failures) > SHOWN_FAILURES:
            console.print(f"… and {len(claim.failures) - SHOWN_FAILURES:,} more\n", style="red", highlight=False)
    console.print(verdict(verification), style="bold green" if verification.holds else "bold red", highlight=False)


def check_folder(folder: str | os.PathLike[str]) -> Path:
    """The folder to write into, made if it is missing.

    Raises:
        InputError: when the path is a file, or the folder cannot be made.
    """
    path = Path(folder)
    if path.exists() and not path.is_dir():
        raise InputError(f"--out {path} is a file; give a folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {path} cannot be made ({error.strerror}); give a folder you may write to") from error
    return path


def write(verification: Verification, folder: str | os.PathLike[str], command: str = "unmask verify") -> list[Path]:
    """Write numbers, figures and the page; returns the files. Files of other names in the folder are left alone.

    Args:
        verification: what to show.
        folder: made if it is missing.
        command: what the page names as its origin.
    """
    from unmask.reports import figures

    path = check_folder(folder)
    files = [write_json(path / "verification.json", verification.to_dict())]
    files.append(write_text(path / "curves.csv", to_csv(_curves(verification))))
    files += [write_text(path / f"{claim.key}.csv", to_csv(claim.data)) for claim in verification.claims]
    with figures.style():
        for name, figure in _figures_for_files(verification).items():
            files.append(write_bytes(path / f"{name}.png", figures.png(figure)))
            files.append(write_bytes(path / f"{name}.svg", figures.svg(figure)))
        files.append(write_text(path / "index.html", page(verification, command)))
    return files


@dataclass(frozen=True)
class Block:
    """One figure of the page: panels side by side (or a single wide one), a key, and a caption."""

    svgs: list[str]
    caption: str
    key: tuple[tuple[str, str, str], ...] = ()


def page(verification: Verification, command: str = "unmask verify") -> str:
    """The page as HTML: no file and no network address is needed to read it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from unmask import __version__
    from unmask.reports import figures

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    with figures.style():
        return environment.get_template("verify.html").render(
            v=verification,
            verdict=verdict(verification).capitalize(),
            signature=_signature(verification),
            signature_steps=SHOWN_STEPS,
            figures=_blocks(verification),
            variables=figures.VARIABLES,
            lines={"-": "solid", "--": "dashed", ":": "dotted"},
            data=_safe_json([_for_the_page(verification, subject) for subject in verification.subjects]),
            command=command,
            version=__version__,
        )


def _curves(verification: Verification) -> Table:
    """Every information curve, one row for each law and k."""
    columns = (Column("law"), Column("k"), Column("h"))
    rows = ((s.name, k, float(h)) for s in verification.subjects for k, h in enumerate(s.curve.values))
    return Table.of(columns, rows)


def _shown_subject(verification: Verification) -> Subject:
    """The law of the signature plot: the Markov chain, or the first whose tokens know anything of each other."""
    ranked = sorted(verification.subjects, key=lambda subject: (subject.name != "markov", not subject.has_information))
    return ranked[0]


def _signature_schedules(verification: Verification) -> list[tuple[Schedule, str]]:
    subject = _shown_subject(verification)
    rows = verification.claim("few-steps").data.where(law=subject.name, steps=SHOWN_STEPS)
    best = Schedule(map(int, rows.column("sizes_best")[0].split()))
    even = Schedule.uniform(subject.curve.length, SHOWN_STEPS)
    return [(even, f"{subject.title}, even split"), (best, f"{subject.title}, best schedule")]


def _signature(verification: Verification) -> list[str]:
    from unmask.reports import figures, verify_plots

    subject = _shown_subject(verification)
    return [
        figures.inline_svg(verify_plots.signature(subject, schedule, title), f"signature{place}", title)
        for place, (schedule, title) in enumerate(_signature_schedules(verification))
    ]


def _families(verification: Verification) -> list[str]:
    return list(dict.fromkeys(verification.claim("linear").data.column("family")))


def _figures_for_files(verification: Verification) -> dict[str, Figure]:
    """Name of the file -> figure."""
    from unmask.reports import verify_plots as plots

    subject = _shown_subject(verification)
    return {
        "signature": plots.grid(
            lambda axes, item: plots.draw_signature(axes, subject, *item), _signature_schedules(verification), 2
        ),
        "rate": plots.flatness(verification),
        "linear": plots.one_line(verification),
        "linear-families": plots.grid(
            lambda axes, family: plots.draw_linearity(axes, verification, family),
            _families(verification),
            key=plots.LINEARITY_KEY,
        ),
        "few-steps": plots.grid(
            lambda axes, law: plots.draw_price_against_steps(axes, verification, law),
            verification.subjects,
            key=plots.PRICE_KEY,
        ),
        "bounds": plots.band_factors(verification),
        "training-error": plots.training_error(verification, "markov"),
    }


def _blocks(verification: Verification) -> dict[str, list[Block]]:
    """Claim -> its figures on the page."""
    from unmask.reports import verify_plots as plots
    from unmask.reports.figures import inline_svg

    prices = [
        inline_svg(plots.price_against_steps(verification, subject), f"price{place}", f"KL against T, {subject.title}")
        for place, subject in enumerate(verification.subjects)
    ]
    families = [
        inline_svg(
            plots.linearity(verification, family),
            f"linear{place}",
            f"KL against information, {plots.FAMILY_TITLES[family]}",
        )
        for place, family in enumerate(_families(verification))
    ]
    single = {
        "rate": inline_svg(plots.flatness(verification), "flatness", "T times KL over the information, against T"),
        "linear": inline_svg(plots.one_line(verification), "oneline", "KL against information, six families"),
        "bounds": inline_svg(plots.band_factors(verification), "band", "upper bound over lower bound"),
        "training-error": inline_svg(
            plots.training_error(verification, "markov"), "training", "bars of KL for five predictors"
        ),
    }
    return {
        "rate": [
            Block(
                [single["rate"]],
                "A flat line means that the error falls exactly like 1/T. Laws whose information comes early run "
                "along the dashed line, which bends down only because T = L costs nothing. A law whose "
                "information comes late, such as parity, rises instead: while nothing can be known, more steps do "
                "not help. It stays below the line like every other. Grey: the other laws.",
            )
        ],
        "linear": [
            Block(
                [single["linear"]],
                "Six laws, each with one knob turned, all at the same number of steps with a random first one. "
                "Six different worlds on one line of slope one: what matters is how many nats the tokens know of "
                "each other. Each gridline is ten times the last.",
            ),
            Block(
                families,
                "The same families one by one. The even split (squares) climbs towards the upper bound when the "
                "information comes with the very first token, because its first step is drawn with nothing known. "
                "A random first step (dots) stays on the dotted line, half as high.",
                plots.LINEARITY_KEY,
            ),
        ],
        "few-steps": [
            Block(
                prices,
                "Both axes are logarithmic: a straight line down is a power of T. Where a line leaves at the "
                "bottom, the error is zero or nearly so. The lower end of the band is a promise about the worst "
                "schedule with that largest step, so a lucky schedule may dip below it: the even split on a code "
                "does where a step ends exactly when the code is complete.",
                plots.PRICE_KEY,
            )
        ],
        "bounds": [
            Block(
                [single["bounds"]],
                "How far apart the upper and the lower bound are. Above, the paper's: furthest where the "
                "information comes late. Below, with sharp constants: at most 2 for every law there is. The steps "
                "at powers of two are the paper's rounding of the largest step to a power of two.",
            )
        ],
        "training-error": [
            Block(
                [single["training-error"]],
                "Blue: what revealing in two steps costs even with a perfect predictor. Orange: what each kind of "
                "mistake adds. The diamond is the error found the hard way, over all sequences and all ways to "
                "reveal them. It sits at the end of the bar every time, to the twelfth digit.",
            )
        ],
    }


def _for_the_page(verification: Verification, subject: Subject) -> dict[str, Any]:
    """What the page needs to draw any number of steps of one law."""
    rows = verification.claim("few-steps").data.where(law=subject.name)
    return {
        "name": subject.name,
        "title": subject.title,
        "description": subject.description,
        "entropy": round(subject.curve.entropy, 6),
        "curve": [round(float(value), 6) for value in subject.curve.values],
        "kl_even": [round(max(0.0, value), 6) for value in rows.column("kl_even")],
        "kl_best": [round(max(0.0, value), 6) for value in rows.column("kl_best")],
        "bound": [round(value, 6) for value in rows.column("li_cai_upper")],
        "best": [[int(size) for size in sizes.split()] for sizes in rows.column("sizes_best")],
    }


def _safe_json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
