"""The kinds of files that Volumask opens, as the installer of each system is told of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileType:
    """One kind.

    Args:
        suffixes: As they end, the longest first; with the dot.
        uti: macOS's name of the type.
        own: Whether it is Volumask's own, so that a double click opens it; others are offered under "Open with".
    """

    name: str
    suffixes: tuple[str, ...]
    mime: str
    uti: str
    own: bool = False


FILE_TYPES = (
    FileType("Volumask project", (".volumask",), "application/x-volumask", "volumask.project", own=True),
    FileType("NIfTI volume", (".nii.gz", ".nii"), "application/x-nifti", "volumask.nifti"),
    FileType("DICOM file", (".dcm",), "application/dicom", "org.nema.dicom"),
    FileType("NRRD volume", (".nrrd",), "application/x-nrrd", "volumask.nrrd"),
)


def last_suffixes(file_type: FileType) -> list[str]:
    """What Windows goes by: only the last ending of a name counts there, so .nii.gz is .gz."""
    return sorted({"." + suffix.rpartition(".")[2] for suffix in file_type.suffixes})
