"""`write`: the report as HTML or PDF by the ending of its name; a process of its own prints the PDF.

Qt prints it, and a script or a command has no window, so Qt is not loaded into their process; nor does the window wait.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

from app.atomic_file import replacing
from app.child_process import launch
from app.errors import AppError, BadInput
from app.preflight import require_no_patient
from app.report.page import Content, page
from app.report.sheet import Sheet

ENDINGS = (".html", ".htm", ".pdf")
_PATIENCE = 120.0  # seconds


def require_ending(path: str | Path) -> None:
    """Before anything is measured.

    Raises:
        BadInput: when it is none of `ENDINGS`.
    """
    if Path(path).suffix.lower() not in ENDINGS:
        raise BadInput(f"{Path(path).name} is no name of a report.", "Let it end in .pdf or .html.")


def write(path: str | Path, content: Content) -> None:
    """Write the page, whole or not at all.

    Raises:
        BadInput: for another ending, or when a name on the page repeats what may be the patient's.
        AppError: when it cannot be printed or written.
    """
    require_ending(path)
    require_no_patient(content.volume.source, [segment.name for segment in content.segments])
    html = Path(path).suffix.lower() != ".pdf"
    data = page(content).encode("utf-8") if html else _printed(Sheet.of(content))
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def _printed(sheet: Sheet) -> bytes:
    """The bytes of the PDF.

    Raises:
        AppError: when the process that prints ended without them.
    """
    screenless = {"QT_QPA_PLATFORM": "offscreen"} if sys.platform.startswith("linux") else {}
    module, flag = "app.ui.report_pdf", "--print"
    process = launch(module, flag, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, defaults=screenless)
    try:
        data, _ = process.communicate(pickle.dumps(sheet), timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        data = b""
    if not data.startswith(b"%PDF-"):
        raise AppError("The PDF could not be printed.", "Write the report as HTML, which a browser prints.")
    return data
