"""The composition root: `volumask [PATH]` opens the window, `volumask COMMAND ...` works without one."""

from __future__ import annotations

import multiprocessing
import sys

from app.threads import keep_blas_to_one_thread


def main(arguments: list[str] | None = None) -> int:
    """Choose between a process of ours, command line and window; import no more than that one needs.

    Returns:
        The exit status.
    """
    keep_blas_to_one_thread()
    multiprocessing.freeze_support()
    args = sys.argv[1:] if arguments is None else arguments
    status = _own_process(args[0], args[1:]) if args else None
    if status is not None:
        return status
    from app import cli

    if args and (args[0] in cli.COMMANDS or args[0] in ("-h", "--help", "--version")):
        return cli.main(args)
    if len(args) > 1 or (args and args[0].startswith("-")):
        print(f"volumask: {' '.join(args)} is not understood (see volumask --help)", file=sys.stderr)
        return cli.USAGE
    from app.ui.app import run

    return run(args[0] if args else None)


def _own_process(flag: str, arguments: list[str]) -> int | None:
    """What a process of our own runs (`app.child_process`); None where the flag is none of theirs."""
    match flag:
        case "--compute":
            from app.engine import compute

            return compute.main(arguments)
        case "--try":
            from app.engine import trying

            return trying.main(arguments)
        case "--decode":
            from app.volume_io import isolated

            return isolated.main()
        case "--help-out":
            from app import helper_process

            return helper_process.main()
        case "--compare":
            from app.engine.backends import comparison

            return comparison.main()
        case "--first-click":
            from app.engine import first_click

            return first_click.main()
        case "--draw":
            from app.render import first_picture

            return first_picture.main()
        case "--print":
            from app.ui import report_pdf

            return report_pdf.main()
    return None


if __name__ == "__main__":
    sys.exit(main())
