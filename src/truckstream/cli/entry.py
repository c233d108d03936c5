"""The console script: nothing heavy is imported before Ctrl-C is understood."""

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        from truckstream.cli.main import execute

        code = execute(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
