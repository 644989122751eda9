"""The registry keys by which Windows offers Volumask for its files, for the current user alone.

`python packaging/windows/keys.py inno` prints lines of [Registry] for Inno Setup, `nsis` two macros for NSIS.

A double click opens only what is ours (.volumask). Scans keep the program that the user chose and list Volumask under
"Open with": a value named like our ProgID in OpenWithProgids. .nii.gz counts as .gz on Windows, which is never taken
over either.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from file_types import FILE_TYPES, FileType, last_suffixes

CLASSES = r"Software\Classes"
PROGRAM = "Volumask.exe"


@dataclass(frozen=True, slots=True)
class Key:
    """One value below HKEY_CURRENT_USER; {app} stands for the folder of the program.

    Args:
        value: Its name; "" is the key's default.
        ours: Whether the whole key goes at uninstalling; else the value alone, and the key if nothing is left in it.
    """

    path: str
    value: str
    data: str
    ours: bool


def prog_id(file_type: FileType) -> str:
    """The name under which Windows knows a kind of file of ours."""
    return "Volumask." + (
        "Project" if file_type.own else "".join(word for word in file_type.name.split()[0] if word.isalpha())
    )


def entries() -> Iterator[Key]:
    """All of them."""
    command = rf'"{{app}}\{PROGRAM}" "%1"'
    for file_type in FILE_TYPES:
        ours = rf"{CLASSES}\{prog_id(file_type)}"
        yield Key(ours, "", file_type.name, True)
        yield Key(rf"{ours}\DefaultIcon", "", rf"{{app}}\{PROGRAM},0", True)
        yield Key(rf"{ours}\shell\open\command", "", command, True)
        for suffix in last_suffixes(file_type):
            yield Key(rf"{CLASSES}\{suffix}\OpenWithProgids", prog_id(file_type), "", False)
            if file_type.own:
                yield Key(rf"{CLASSES}\{suffix}", "", prog_id(file_type), False)
            yield Key(rf"{CLASSES}\Applications\{PROGRAM}\SupportedTypes", suffix, "", True)
    yield Key(rf"{CLASSES}\Applications\{PROGRAM}\shell\open\command", "", command, True)
    yield Key(rf"{CLASSES}\Applications\{PROGRAM}", "FriendlyAppName", "Volumask", True)


def roots() -> list[str]:
    """The keys that are ours as a whole: each goes with all that is below it."""
    return [*(rf"{CLASSES}\{prog_id(file_type)}" for file_type in FILE_TYPES), rf"{CLASSES}\Applications\{PROGRAM}"]


def inno() -> str:
    """Lines of [Registry]."""
    lines = []
    for key in entries():
        parts = ["Root: HKCU", f'Subkey: "{key.path}"', "ValueType: string"]
        parts.append(f'ValueName: "{key.value}"')
        parts.append('ValueData: "{}"'.format(key.data.replace('"', '""')))
        flags = (
            "uninsdeletekey"
            if key.path in roots()
            else "uninsdeletevalue uninsdeletekeyifempty"
            if not key.ours
            else ""
        )
        lines.append("; ".join([*parts, "Tasks: associate", *([f"Flags: {flags}"] if flags else [])]))
    return "\n".join(lines) + "\n"


def nsis() -> str:
    """Macros that write the keys and take them away again."""
    quoted = {key: key.data.replace("{app}", "$INSTDIR").replace("$\\", "$\\\\") for key in entries()}
    lines = ["!macro WriteKeys"]
    lines += [f"  WriteRegStr HKCU '{key.path}' '{key.value}' '{data}'" for key, data in quoted.items()]
    lines += ["!macroend", "", "!macro DeleteKeys"]
    lines += [f"  DeleteRegKey HKCU '{root}'" for root in roots()]
    for key in entries():
        if not key.ours:
            lines += [f"  DeleteRegValue HKCU '{key.path}' '{key.value}'", f"  DeleteRegKey /ifempty HKCU '{key.path}'"]
    lines += sorted({f"  DeleteRegKey /ifempty HKCU '{key.path.removesuffix(chr(92) + 'OpenWithProgids')}'"
                     for key in entries() if key.path.endswith("OpenWithProgids")})  # fmt: skip
    return "\n".join([*lines, "!macroend", ""])


if __name__ == "__main__":
    sys.stdout.write({"inno": inno, "nsis": nsis}[sys.argv[1]]())
