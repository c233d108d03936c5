"""The `truckstream` command: collects the subcommands and turns every error into two lines.

Exit codes: 0 done, 1 an error that will come again, 75 trying again may help, 130 interrupted.
"""

import errno
import os
import sys
from typing import Annotated

import typer

from truckstream import __version__
from truckstream.cli import bench, fences, maintain, plan, produce, replay, reports, run, show, tokens, web
from truckstream.core.errors import TruckstreamError

app = typer.Typer(
    name="truckstream",
    help="Track a delivery fleet in real time: positions, geofence alerts, archive and hourly statistics.",
    epilog="Example: truckstream run --trucks 50",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("run", epilog=run.EXAMPLE)(run.run)
app.command("replay", epilog=replay.EXAMPLE)(replay.replay)
app.command("simulate", epilog=produce.SIMULATE_EXAMPLE)(produce.simulate)
app.command("ingest", epilog=produce.INGEST_EXAMPLE)(produce.ingest)
app.command("positions", epilog="Example: truckstream positions --csv")(show.positions)
app.command("alerts", epilog="Example: truckstream alerts --truck TRK-001 --json")(show.alerts)
app.command("transitions", epilog="Example: truckstream transitions --from 2024-01-15 --csv")(show.transitions)
app.command("stats", epilog="Example: truckstream stats --truck TRK-001 --csv")(show.stats)
app.command("rejected", epilog="Example: truckstream rejected --json")(show.rejected)
app.add_typer(fences.app, name="geofences", epilog="Example: truckstream geofences import geofences.json")
app.command("query", epilog=show.QUERY_EXAMPLE)(show.query)
app.command("compact", epilog="Example: truckstream compact --data truckstream-data")(maintain.compact)
app.command("verify", epilog="Example: truckstream verify --data truckstream-data")(maintain.verify)
app.command("status", epilog="Example: truckstream status --json")(maintain.status)
app.add_typer(tokens.app, name="tokens", epilog="Example: truckstream tokens create --role viewer")
app.command("web", epilog=web.EXAMPLE)(web.web)
app.command("plan", epilog=plan.EXAMPLE)(plan.plan_command)
app.command("reports", epilog=reports.EXAMPLE)(reports.reports)
app.command("bench", epilog=bench.EXAMPLE, context_settings=bench.CONTEXT)(bench.bench)
# Typer carries its own copy of click or uses an installed one; this is the class either way.
_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"truckstream {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


def fail(message: str, hint: str, code: int) -> int:
    """Print the two lines of an error and return the exit code."""
    print(f"error: {' '.join(message.split())}\nhint: {' '.join(hint.split())}", file=sys.stderr)
    return code


def _reader_gone() -> int:
    """The reader of our output went away: head, less. Nothing more can be said, and nothing is wrong."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - Python flushes it once more at exit
    return 0


def _code(wish: SystemExit) -> int:
    return wish.code if isinstance(wish.code, int) else 1


def execute(arguments: list[str]) -> int:
    """Run one command line and return its exit code; never raises."""
    try:
        result = app(args=arguments, prog_name="truckstream", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except TruckstreamError as error:
        return fail(error.message, error.hint, 75 if error.retryable else 1)
    except _USAGE_ERROR as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            return 0  # the help was printed
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "truckstream"
        return fail(error.format_message(), f"See '{command} --help'.", 1)  # type: ignore[attr-defined]
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        return _reader_gone()
    except SystemExit as wish:
        cause = wish.__context__  # typer turns a broken pipe into an exit of its own
        return _reader_gone() if isinstance(cause, OSError) and cause.errno == errno.EPIPE else _code(wish)
    except OSError as error:
        return fail(f"{error.filename or 'output'}: {error.strerror or error}", "Check where the output goes.", 1)
    except Exception as error:
        if os.environ.get("LOG_LEVEL", "").upper() == "DEBUG":
            raise
        message = f"unexpected {type(error).__name__}: {error}"
        return fail(message, "This is a bug. LOG_LEVEL=DEBUG shows where; please report it with the command.", 1)
