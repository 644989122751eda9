"""What the spec is told: the program's own modules and files, what nothing imports by name, the executables."""

from __future__ import annotations

from pathlib import Path

HIDDEN = (
    # loaded by name: models of transformers, codecs of pydicom, VTK's implementations
    "transformers.models.sam2.modeling_sam2",
    "transformers.models.sam2.configuration_sam2",
    "transformers.models.sam2_video.modeling_sam2_video",
    "transformers.models.sam2_video.configuration_sam2_video",
    "transformers.models.edgetam.modeling_edgetam",
    "transformers.models.edgetam.configuration_edgetam",
    "transformers.models.edgetam_video.modeling_edgetam_video",
    "transformers.models.edgetam_video.configuration_edgetam_video",
    "transformers.models.timm_wrapper.modeling_timm_wrapper",
    "transformers.models.timm_wrapper.configuration_timm_wrapper",
    "timm.models.repvit",
    "jpeg_ls",
    "_CharLS",
    "gdcm",
    "_gdcm",
    "_gdcm.gdcmswig",
)
METADATA = ("nibabel", "pydicom", "pyjpegls", "pillow", "python-gdcm", "timm", "segment-anything", "openvino")
_ENDINGS_OF_MODELS = (".toml", ".xml", ".bin", ".safetensors")


def own_modules(root: Path) -> list[str]:
    """Every module of the program: some are loaded by name, so PyInstaller would not see them."""
    paths = (path.relative_to(root).with_suffix("") for path in sorted((root / "app").rglob("*.py")))
    names = (".".join(path.parts).removesuffix(".__init__") for path in paths)
    return [name for name in names if name not in ("app.ui.demo", "app.__main__")] + ["app.__main__"]


def own_data(root: Path) -> list[tuple[str, str]]:
    """Pairs of a file and its folder in the bundle: icons, style, terms, sample, model cards, weights, calibration."""
    files = [path for path in sorted((root / "resources").rglob("*")) if path.is_file()]
    files += [path for path in sorted((root / "models").rglob("*")) if path.suffix in _ENDINGS_OF_MODELS]
    files += sorted((root / "benchmarks" / "results").glob("calibration_*.json"))  # a page of Help draws them
    return [(str(path), path.parent.relative_to(root).as_posix()) for path in files]


def cuda_libraries(packages: Path) -> list[tuple[str, str]]:
    """Pairs of a library of NVIDIA's packages and its folder in the bundle, where torch looks for it.

    Some are loaded by name, so all are taken but those that torch (2.13) never asks for here: cuSOLVER on several
    cards, second forms of the run-time compiler and of cuFFT, measuring, and what joins computers.
    """
    found = [path for path in sorted((packages / "nvidia").rglob("lib/*.so*")) if path.is_file()]
    unused = ("libcusolverMg", "libnvrtc.alt", "libnvrtc-builtins.alt", "libcufftw", "libnvblas", "libnvperf")
    unused += ("libpcsamplingutil", "libcheckpoint", "libnvtx3interop", "nvshmem_", "libcufile_rdma")
    wanted = [path for path in found if not path.name.startswith(unused)]
    return [(str(path), path.parent.relative_to(packages).as_posix()) for path in wanted]


def programs(system: str) -> list[tuple[str, bool]]:
    """Name and "opens a console" of each executable; `system` as in sys.platform.

    On Windows the console's name ends in .com, which the command prompt tries before .exe: the two names differ in
    case alone otherwise. On macOS and Linux one program serves both; the second name is a link (`freeze`).
    """
    return [("Volumask", False), ("volumask.com", True)] if system == "win32" else [("Volumask", False)]


def folder_name(flavour: str) -> str:
    """Of the bundle below dist/."""
    return f"volumask-{flavour}"


def console(system: str) -> str:
    """File name of the program for a command line."""
    return {"win32": "volumask.com", "darwin": "Volumask"}.get(system, "volumask")


def version(root: Path) -> str:
    """Of the program, read without importing it."""
    text = (root / "app" / "__init__.py").read_text(encoding="utf-8")
    return text.split('__version__ = "', 1)[1].split('"', 1)[0]
