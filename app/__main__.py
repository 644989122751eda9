"""The composition root: `volumask [PATH]` opens the window, `volumask COMMAND ...` works without one."""

from __future__ import annotations

import multiprocessing
import sys


def main(arguments: list[str] | None = None) -> int:
    """Choose between compute process, command line and window; import no more than that one needs.

    Returns:
        The exit status.
    """
    multiprocessing.freeze_support()
    args = sys.argv[1:] if arguments is None else arguments
    if args and args[0] == "--compute":
        from app.engine import compute

        return compute.main(args[1:])
    if args and args[0] == "--try":
        from app.engine import trying

        return trying.main(args[1:])
    if args == ["--decode"]:
        from app.volume_io import isolated

        return isolated.main()
    if args == ["--compare"]:
        from app.engine.backends import comparison

        return comparison.main()
    if args == ["--draw"]:
        from app.render import first_picture

        return first_picture.main()
    if args == ["--print"]:
        from app.ui import report_pdf

        return report_pdf.main()
    from app import cli

    if args and (args[0] in cli.COMMANDS or args[0] in ("-h", "--help", "--version")):
        return cli.main(args)
    if len(args) > 1 or (args and args[0].startswith("-")):
        print(f"volumask: {' '.join(args)} is not understood (see volumask --help)", file=sys.stderr)
        return cli.USAGE
    from app.ui.app import run

    return run(args[0] if args else None)


if __name__ == "__main__":
    sys.exit(main())
