"""What `unmask verify` writes: numbers, figures, and one HTML page that needs no other file and no network.

Figures are inline SVG, the numbers of the interactive picture are embedded. Knows where a figure stands and what is
said about it; the figures themselves are drawn by `verify_plots`.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmask.evaluation.subjects import Subject
from unmask.evaluation.verify import Verification
from unmask.files import write_bytes, write_json, write_text
from unmask.reports import verify_plots as plots
from unmask.reports.figures import VARIABLES, inline_svg, png, style, svg
from unmask.reports.pages import check_folder, render
from unmask.reports.tables import to_csv
from unmask.reports.verify import curves, verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Block:
    """One figure of the page: panels side by side (or a single wide one), a key, and a caption."""

    svgs: list[str]
    caption: str
    key: tuple[tuple[str, str, str], ...] = ()


def page(verification: Verification, command: str = "unmask verify", drawn: dict[str, Figure] | None = None) -> str:
    """The page as HTML.

    Args:
        verification: what it is about.
        command: what it names as its origin.
        drawn: `plots.all_figures(verification)`, where they exist already.
    """
    with style():
        return render(
            "verify.html",
            v=verification,
            verdict=verdict(verification).capitalize(),
            signature=_signature(verification),
            signature_steps=plots.SHOWN_STEPS,
            figures=_blocks(verification, drawn or plots.all_figures(verification)),
            variables=VARIABLES,
            lines={"-": "solid", "--": "dashed", ":": "dotted"},
            data=_safe_json([_for_the_page(verification, subject) for subject in verification.subjects]),
            command=command,
        )


def _signature(verification: Verification) -> list[str]:
    subject = plots.shown_subject(verification)
    return [
        inline_svg(plots.signature(subject, schedule, title), f"signature{place}", title)
        for place, (schedule, title) in enumerate(plots.signature_schedules(verification))
    ]


def _blocks(verification: Verification, drawn: dict[str, Figure]) -> dict[str, list[Block]]:
    """Claim -> its figures on the page."""
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
        for place, family in enumerate(plots.families(verification))
    ]
    single = {
        "rate": inline_svg(drawn["rate"], "flatness", "T times KL over the information, against T"),
        "linear": inline_svg(drawn["linear"], "oneline", "KL against information, six families"),
        "bounds": inline_svg(drawn["bounds"], "band", "upper bound over lower bound"),
        "training-error": inline_svg(drawn["training-error"], "training", "bars of KL for five predictors"),
    }
    return {
        "rate": [
            Block(
                [single["rate"]],
                "A flat line would mean that the error falls exactly like 1/T. T is what is paid: the network calls "
                "that are made on average, up to one more than L/s, which lifts the left end from ½ to 1. Laws whose "
                "information comes early run along the dashed line, which bends down because T = L costs nothing. A "
                "law whose information comes late, such as parity, rises instead: while nothing can be known, more "
                "steps do not help. It stays below the line like every other. Grey: the other laws.",
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


def write(verification: Verification, folder: str | os.PathLike[str], command: str = "unmask verify") -> list[Path]:
    """Write numbers, figures and the page; returns the files. Files of other names in the folder are left alone.

    Args:
        verification: what to show.
        folder: made if it is missing.
        command: what the page names as its origin.
    """
    path = check_folder(folder)
    files = [write_json(path / "verification.json", verification.to_dict())]
    files.append(write_text(path / "curves.csv", to_csv(curves(verification))))
    files += [write_text(path / f"{claim.key}.csv", to_csv(claim.data)) for claim in verification.claims]
    with style():
        drawn = plots.all_figures(verification)
        for name, figure in drawn.items():
            files.append(write_bytes(path / f"{name}.png", png(figure)))
            files.append(write_bytes(path / f"{name}.svg", svg(figure)))
        files.append(write_text(path / "index.html", page(verification, command, drawn)))
    return files
