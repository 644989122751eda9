"""What a bundle's size consists of, and whether it keeps its budget. Sizes in MB, 10^6 bytes; a link weighs nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

BUDGET_MB = {"cpu": 1000}
INSTALLER_BUDGET_MB = {"cpu": 280}
_GROUPS = {
    "torch": "torch, torchgen, functorch, torchvision, torchvision.libs",
    "SimpleITK": "SimpleITK",
    "VTK": "vtkmodules, vtk.libs",
    "OpenVINO": "openvino",
    "Qt": "PySide6, shiboken6",
    "numpy, scipy": "numpy, numpy.libs, scipy, scipy.libs",
    "transformers, timm": "transformers, timm, tokenizers, safetensors, huggingface_hub, regex, segment_anything",
    "DICOM, NIfTI": "highdicom, pydicom, nibabel, _gdcm, python_gdcm.libs, PIL, pillow.libs, jpeg_ls",
    "CUDA": "nvidia, triton",
    "Volumask": "models, resources, benchmarks",
}


def table(folder: Path) -> list[tuple[str, float]]:
    """Rows of what and MB, the largest first."""
    weights: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            weights[_group(path.relative_to(folder).parts)] += path.stat().st_size
    return [(name, size / 1e6) for name, size in weights.most_common()]


def total(folder: Path) -> float:
    """MB of all files."""
    return sum(size for _, size in table(folder))


def report(folder: Path, flavour: str) -> str:
    """The table as text, with the total and the budget."""
    rows = [*table(folder), ("total", total(folder))]
    lines = [f"{name:<32}{size:>8.1f} MB" for name, size in rows]
    budget = BUDGET_MB.get(flavour)
    if budget:
        over = rows[-1][1] - budget
        lines.append(f"{'budget':<32}{budget:>8.1f} MB, {'kept' if over <= 0 else f'{over:.0f} MB over it'}")
    return "\n".join(lines)


def _group(parts: tuple[str, ...]) -> str:
    if parts[0] != "_internal":
        return "programs (Python modules inside)"
    top = parts[1]
    for name, members in _GROUPS.items():
        if top in members.split(", "):
            return name
    return "package notices" if top.endswith(".dist-info") else "Python and its libraries"
