"""Tables of an evaluation, for a terminal. Names from files are set as text, never as markup."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..retrieval.evaluation import Comparison, Mean, Report
from .cli_options import count, plain

GROUP_MEASURES = ("ndcg@5", "recall@5", "success@5", "mrr", "box_hit")
"""Shown by group; the JSON has all."""
WIDTH = 100
"""Columns where stdout is no terminal: all channels fit."""


def print_measures(report: Report) -> None:
    """Every measure of every channel and fusion, with its interval below it."""
    systems = report.systems()
    table = _table("measure", *systems)
    means = {system: report.means(system) for system in systems}
    for name in dict.fromkeys(name for found in means.values() for name in found):
        table.add_row(name, *(_cell(means[system].get(name)) for system in systems))
    taken = [report.milliseconds(system) for system in systems]
    if any(taken):
        cells = ["" if one is None else f"{one[0]:.0f} / {one[1]:.0f}" for one in taken]
        table.add_row("ms p50 / p95", *cells)
    _console().print(table)


def print_groups(report: Report) -> None:
    """The main measures by type, language and set, of the ranking that people get."""
    groups = {group: values for group, values in report.groups().items() if len(values) > 1}
    if not groups:
        return
    system = report.main()
    rows = [(group, value, report.means(system, group, value)) for group, values in groups.items() for value in values]
    shown = [name for name in GROUP_MEASURES if any(name in means for _, _, means in rows)]
    table = _table(f"{system}, by", "questions", *shown)
    for group, value, means in rows:
        number = max(mean.questions for mean in means.values())
        name = Text(plain(f"{group} {value}"))
        table.add_row(name, str(number), *(_cell(means.get(measure)) for measure in shown))
    _console().print(table)


def print_comparison(found: Comparison) -> None:
    """Each measure's difference, with its interval and p."""
    first, second = found.systems
    table = _table("measure", f"A {first}", f"B {second}", "B - A", "95% interval", "p")
    for name, one in found.differences.items():
        change = one.change
        table.add_row(
            name,
            f"{one.first:.3f}",
            f"{one.second:.3f}",
            f"{change.mean:+.3f}",
            f"{change.low:+.3f} to {change.high:+.3f}",
            "<0.001" if one.p < 0.001 else f"{one.p:.3f}",
        )
    console = _console()
    console.print(table)
    only = f"; only in A {found.only[0]}, only in B {found.only[1]}" if any(found.only) else ""
    console.print(
        f"{count(found.questions, 'question')} in both{only}. p: how often chance alone would give such a difference "
        "(paired randomisation test); it is for one measure, chosen before.",
        markup=False,
        highlight=False,
    )


def _cell(mean: Mean | None) -> str:
    return "" if mean is None else f"{mean.mean:.3f}\n{_short(mean.low)} to {_short(mean.high)}"


def _short(share: float) -> str:
    """Two digits, without the zero before the point.

    >>> _short(0.256), _short(1.0)
    ('.26', '1.0')
    """
    return "1.0" if share > 0.995 else f"{share:.2f}"[1:]


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(Text(plain(first)))
    for other in others:
        table.add_column(Text(plain(other)), justify="right")
    return table


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)
