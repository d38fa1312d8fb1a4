"""`python -m bench NAME`: runs a scenario, tells its result, and judges it by its bounds. The only place that wires."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import compare, report
from bench.measuring import Signalled, measure
from bench.options import add_common, share
from bench.page import page
from bench.result import EXIT_FAILED, EXIT_OK, Result
from bench.scenario import CannotMeasure, Scenario
from bench.scenarios.registry import SCENARIOS

LIST, COMPARE, REPORT = "list", "compare", "report"
EXIT_NOT_UNDERSTOOD = 2

_EPILOG = """\
exit status: 0 all bounds met, 1 a bound missed or the measurement failed, 2 not understood

Wherever a scenario has them: --devices N --rate R --duration S --warm-up S, and --target URL to measure a stack that
runs already; all have --repeat N --json FILE --html FILE. `bench compare A.json B.json` exits with 1 where B is worse.

A run tells the pid of every process it starts. To see where a shard spends its time:
  py-spy record --duration 10 --output shard.svg --pid PID
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Gives the exit status."""
    words = sys.argv[1:] if argv is None else list(argv)
    options = _parser().parse_args(words)
    command: Scenario | str = options.command
    try:
        if isinstance(command, Scenario):
            return _measured(command, options, words)
        return {LIST: _list, COMPARE: _compare, REPORT: _report}[command](options)
    except (CannotMeasure, OSError) as error:
        name = command.name if isinstance(command, Scenario) else command
        print(f"bench {name}: {error}", file=sys.stderr)
        return EXIT_FAILED if isinstance(command, Scenario) else EXIT_NOT_UNDERSTOOD
    except Signalled as end:
        return 128 + end.number


def _measured(scenario: Scenario, options: argparse.Namespace, words: Sequence[str]) -> int:
    for path in (options.json, options.html):
        if path is not None and not path.absolute().parent.is_dir():
            raise CannotMeasure(f"{path.parent} is not a directory: the result could not be written")
    result = measure(scenario, options, command=shlex.join(["oddswire", "bench", *words]))
    if options.json is not None:
        report.write_json(result, options.json)
    drawing = "" if scenario.draw is None else scenario.draw(result)
    if options.html is not None:
        options.html.write_text(page(result, summary=scenario.summary, drawing=drawing))
    if scenario.draw is not None and options.picture is not None:
        options.picture.write_text(drawing)
    print("\n".join(report.lines(result, scenario.table)))
    return result.exit_status


def _list(options: argparse.Namespace) -> int:
    del options
    for known in SCENARIOS:
        print(f"{known.name:<14} {known.summary}")
    return EXIT_OK


def _compare(options: argparse.Namespace) -> int:
    comparison = compare.compared((options.before, options.after), threshold=options.threshold, assumed=options.noise)
    print("\n".join(compare.lines(comparison)))
    return comparison.exit_status


def _report(options: argparse.Namespace) -> int:
    result: Result = compare.load(options.result)
    known = next((one for one in SCENARIOS if one.name == result.name), None)
    drawing = known.draw(result) if known is not None and known.draw is not None else ""
    options.html.write_text(page(result, summary="" if known is None else known.summary, drawing=drawing))
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="oddswire bench",
        description="Measures real processes, of this machine or of a running stack.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="NAME")
    commands.add_parser(LIST, help="the scenarios").set_defaults(command=LIST)
    _add_compare(commands.add_parser(COMPARE, help="two results: what moved beyond noise, and whether it got worse"))
    _add_report(commands.add_parser(REPORT, help="a result that was written with --json, as a page"))
    for scenario in SCENARIOS:
        summary = scenario.summary.replace("%", "%%")  # argparse formats what it prints as help
        one = commands.add_parser(scenario.name, help=summary, description=f"Measures: {scenario.summary}.")
        add_common(one)
        if scenario.draw is not None:
            one.add_argument("--picture", type=Path, metavar="FILE", help="draw the result there, as SVG")
        scenario.options(one)
        one.set_defaults(command=scenario)
    return parser


def _add_compare(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("before", type=Path, metavar="A.json")
    add("after", type=Path, metavar="B.json")
    text = "worse by more than this share is a regression (%(default)s)"
    add("--threshold", type=share, default=compare.THRESHOLD, metavar="S", help=text)
    text = "taken for the noise of a figure of one run, as a share of it (%(default)s)"
    add("--noise", type=share, default=compare.ASSUMED_NOISE, metavar="S", help=text)
    parser.set_defaults(command=COMPARE)


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("result", type=Path, metavar="FILE.json")
    parser.add_argument("--html", type=Path, required=True, metavar="FILE")
    parser.set_defaults(command=REPORT)
