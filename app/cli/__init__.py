"""The command line: every verb that needs no screen. One module per subcommand, in the order of the help."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from app import __version__
from app.errors import AppError

COMMANDS = (
    "info",
    "convert",
    "segment",
    "propagate",
    "export",
    "measure",
    "report",
    "evaluate",
    "bench",
    "models",
    "train-sam3d",
    "self-test",
)
USAGE, BAD_INPUT = 2, 3


def main(arguments: list[str]) -> int:
    """Run one subcommand.

    Returns:
        0; 2 for wrong usage; 3 for bad input or a missing model, with one plain line on stderr; 1 for a self-test
        in which something does not work.
    """
    wanted = [name for name in COMMANDS if arguments[:1] == [name]]
    args = parser(wanted or COMMANDS).parse_args(arguments)
    command: ModuleType = args.command
    try:
        result = command.run(args)
    except AppError as error:
        print(f"volumask: {error}", file=sys.stderr)
        return BAD_INPUT
    except MemoryError:
        print(
            "volumask: There is not enough memory for this. Close other programs or use a smaller scan.",
            file=sys.stderr,
        )
        return BAD_INPUT
    print(json.dumps(result) if args.json else command.text(result))
    return int(command.status(result)) if hasattr(command, "status") else 0


def parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The grammar of these commands; each one's module is imported, so fewer start quicker."""
    top = _Parser(prog="volumask", description="Cut structures out of 3D scans. Without a command: open the window.")
    top.add_argument("--version", action="version", version=f"Volumask {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name in names:
        module = importlib.import_module(f"app.cli.{name.replace('-', '_')}")
        sub = commands.add_parser(module.NAME, help=module.HELP, description=module.HELP)
        module.arguments(sub)
        sub.add_argument("--json", action="store_true", help="print one JSON object")
        sub.set_defaults(command=module)
    return top


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(USAGE)
