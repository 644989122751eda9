"""`info`: the Info.plist of Volumask.app: name, version, and the files it offers to open. For PyInstaller's BUNDLE."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from file_types import FILE_TYPES, FileType

IDENTIFIER = "volumask.Volumask"


def info(version: str) -> dict[str, Any]:
    """Keys and values; PyInstaller adds executable, icon and package type.

    Volumask offers itself for scans as an alternate, so it takes nothing from the program that opened them before.
    """
    return {
        "CFBundleName": "Volumask",
        "CFBundleDisplayName": "Volumask",
        "CFBundleIdentifier": IDENTIFIER,
        "CFBundleShortVersionString": version,
        "CFBundleVersion": version,
        "CFBundleDocumentTypes": [_document(file_type) for file_type in FILE_TYPES],
        "UTExportedTypeDeclarations": [_declared(file_type) for file_type in FILE_TYPES if file_type.own],
        "UTImportedTypeDeclarations": [_declared(file_type) for file_type in FILE_TYPES if not file_type.own],
        "LSMinimumSystemVersion": "12.0",
        "LSApplicationCategoryType": "public.app-category.medical",
        "NSHighResolutionCapable": True,
        "NSHumanReadableCopyright": "BSD-3-Clause, Volumask developers. Not a medical device.",
        "NSRequiresAquaSystemAppearance": False,
    }


def _document(file_type: FileType) -> dict[str, Any]:
    return {
        "CFBundleTypeName": file_type.name,
        "CFBundleTypeRole": "Editor" if file_type.own else "Viewer",
        "LSHandlerRank": "Owner" if file_type.own else "Alternate",
        "LSItemContentTypes": [file_type.uti],
        "CFBundleTypeExtensions": [suffix.removeprefix(".") for suffix in file_type.suffixes],
    }


def _declared(file_type: FileType) -> dict[str, Any]:
    return {
        "UTTypeIdentifier": file_type.uti,
        "UTTypeDescription": file_type.name,
        "UTTypeConformsTo": ["public.data"],
        "UTTypeTagSpecification": {
            "public.filename-extension": [suffix.removeprefix(".") for suffix in file_type.suffixes],
            "public.mime-type": [file_type.mime],
        },
    }
