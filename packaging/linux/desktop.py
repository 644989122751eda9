"""What a Linux desktop is told: the menu entry, the kinds of files, the icon; texts and the names of their files."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from bundling import freeze
from file_types import FILE_TYPES

ICON = freeze.ROOT / "resources" / "icons" / "app.svg"
_SHARED = {".gz": 70}
"""Last suffixes that others have too, and the weight with which our longer pattern goes before theirs (50)."""


def entry(program: str) -> str:
    """The menu entry; files are opened with `program`, a path or a name on the PATH."""
    kinds = ";".join(kind.mime for kind in FILE_TYPES)
    return f"""[Desktop Entry]
Type=Application
Version=1.5
Name=Volumask
GenericName=Segmentation of scans
Comment=Click on a structure in a scan, get its 3D mask
Exec={_quoted(program)} %f
Icon=volumask
Terminal=false
StartupNotify=true
StartupWMClass=Volumask
Categories=Graphics;Science;MedicalSoftware;
Keywords=DICOM;NIfTI;CT;MR;segmentation;
MimeType={kinds};
"""


def mime_types() -> str:
    """The kinds of files by the ends of their names, for the shared MIME database."""
    kinds = "".join(
        f"  <mime-type type={quoteattr(kind.mime)}>\n    <comment>{escape(kind.name)}</comment>\n"
        + "".join(
            f"    <glob pattern={quoteattr('*' + end)} weight={quoteattr(_weight(end))}/>\n" for end in kind.suffixes
        )
        + "  </mime-type>\n"
        for kind in FILE_TYPES
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info">\n{kinds}</mime-info>\n'
    )


def files(program: str) -> Iterator[tuple[str, bytes]]:
    """Path below a share/ folder and content of everything that the desktop reads."""
    yield "applications/volumask.desktop", entry(program).encode()
    yield "mime/packages/volumask.xml", mime_types().encode()
    yield "icons/hicolor/scalable/apps/volumask.svg", ICON.read_bytes()


def _weight(suffix: str) -> str:
    return str(next((weight for end, weight in _SHARED.items() if suffix.endswith(end)), 50))


def _quoted(program: str) -> str:
    """As the specification of desktop entries wants an argument: in double quotes unless it is plain, % doubled."""
    if program.replace("/", "").replace("-", "").replace("_", "").replace(".", "").isalnum() and program.isascii():
        return program
    for sign in ("\\", '"', "`", "$"):
        program = program.replace(sign, "\\" + sign)
    return '"' + program.replace("\\", "\\\\").replace("%", "%%") + '"'
