"""What a bundle holds: the rules on names for every system, and the spec run with stand-ins for PyInstaller."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.data import ROOT

sys.path.insert(0, str(ROOT / "packaging"))
from bundling import contents, dicom_tables, freeze, icu, recipe, sizes, stripping

NEEDED = (
    "torch/bin/torch_shm_manager",
    "torch/lib/libtorch_cpu.so",
    "torch/lib/libtorch_global_deps.so",
    "torch/lib/torch_cpu.dll",
    "torch/lib/c10.dll",
    "torch/lib/shm.dll",
    "torch/lib/libtorch_cpu.dylib",
    "torch/_dynamo/config.py",
    "torch/nn/functional.py",
    "transformers/__init__.py",
    "transformers/models/auto/__init__.py",
    "transformers/models/sam2_video/modeling_sam2_video.py",
    "torchvision/models/densenet.py",
    "scipy/linalg/_flapack.cpython-311-x86_64-linux-gnu.so",
    "scipy/sparse/_sparsetools.cp311-win_amd64.pyd",
    "torch-2.13.0+cpu.dist-info/METADATA",
    "numpy-2.4.6.dist-info/licenses/LICENSE.txt",
    "openvino/libs/libopenvino_intel_cpu_plugin.so",
    "openvino/libs/libopenvino_ir_frontend.so.2641",
    "openvino/libs/libopenvino_pytorch_frontend.so.2641",
    "openvino/libs/openvino_intel_cpu_plugin.dll",
    "PySide6/Qt/plugins/platforms/libqxcb.so",
    "PySide6/Qt/plugins/platforms/libqoffscreen.so",
    "PySide6/plugins/platforms/qwindows.dll",
    "PySide6/Qt/plugins/platforms/libqcocoa.dylib",
    "PySide6/Qt/plugins/iconengines/libqsvgicon.so",
    "PySide6/Qt/lib/libQt6Widgets.so.6",
    "PySide6/Qt6Widgets.dll",
    "vtkmodules/libvtkRenderingOpenGL2.so",
    "vtkmodules/vtkRenderingOpenGL2.cp311-win_amd64.pyd",
    "SimpleITK/_SimpleITK.abi3.so",
    "_gdcm/libgdcmMSFF.so.3.2",
    "PIL/_imaging.cpython-311-x86_64-linux-gnu.so",
    "pillow.libs/libopenjp2-e530e1bf.so.2.5.4",
    "models/classic/card.toml",
    "resources/sample/ct_abdomen.nii.gz",
)
UNUSED = (
    "torch/bin/protoc",
    "torch/test/test_api",
    "torch/include/torch/torch.h",
    "torch/lib/torch_cpu.lib",
    "torch/lib/libtorchbind_test.so",
    "torch/_inductor/lowering.py",
    "scipy/special/cython_special.cpython-311-x86_64-linux-gnu.so",
    "scipy/optimize/_highspy/_core.cpython-311-x86_64-linux-gnu.so",
    "scipy/io/_fast_matrix_market/_fmm_core.cp311-win_amd64.pyd",
    "scipy/stats/_sobol.cpython-311-darwin.so",
    "tokenizers/tokenizers.abi3.so",
    "tokenizers/tokenizers.pyd",
    "torch-2.13.0+cpu.dist-info/RECORD",
    "filelock-4.2.11.dist-info/sboms/filelock.cdx.json",
    "transformers/models/llama/modeling_llama.py",
    "transformers/models/auto/tokenization_auto.py",
    "transformers/modeling_utils.py",
    "timm/models/repvit.py",
    "torch/utils/tensorboard/writer.py",
    "torchvision/models/resnet.py",
    "torchvision/_C.so",
    "torchvision/_C.pyd",
    "torchvision.libs/libcudart.faf08d9a.so.13",
    "openvino/libs/libopenvino_intel_gpu_plugin.so",
    "openvino/libs/openvino_intel_npu_plugin.dll",
    "openvino/libs/libopenvino_tensorflow_frontend.so.2641",
    "PySide6/Qt/plugins/platformthemes/libqgtk3.so",
    "PySide6/Qt/plugins/platforms/libqwayland.so",
    "PySide6/Qt/plugins/sqldrivers/libqsqlite.so",
    "PySide6/Qt/lib/libQt6Qml.so.6",
    "PySide6/Qt6Network.dll",
    "PySide6/Qt/translations/qtbase_de.qm",
    "PIL/_avif.cpython-311-x86_64-linux-gnu.so",
)


@pytest.mark.parametrize("name", NEEDED)
def test_what_the_program_opens_goes_in(name):
    assert contents.file_wanted(name)
    assert contents.file_wanted(name.replace("/", "\\"))


@pytest.mark.parametrize("name", UNUSED)
def test_what_nothing_opens_stays_out(name):
    assert not contents.file_wanted(name)


def test_the_libraries_of_a_desktop_come_from_it_and_pythons_own_go_in():
    system = "/lib/x86_64-linux-gnu/"
    assert contents.library_wanted(system + "libssl.so.3")
    assert contents.library_wanted(system + "libxcb-cursor.so.0")
    for taken in ("libstdc++.so.6", "libgtk-3.so.0", "libglib-2.0.so.0", "libfontconfig.so.1", "libreadline.so.8"):
        assert not contents.library_wanted(system + taken)
    assert not contents.library_wanted("/usr/local/cuda-13.0/lib/libcudart.so.13")
    assert contents.library_wanted("/home/me/.venv/lib/python3.11/site-packages/x/libgtk-3.so.0")
    assert contents.library_wanted("/usr/lib/python3/site-packages/torch/lib/libc10.so")
    assert contents.library_wanted("C:\\Windows\\System32\\msvcp140.dll")


def test_modules_of_foreign_models_and_tests_stay_out():
    assert contents.module_wanted("transformers.models.sam2.modeling_sam2")
    assert contents.module_wanted("transformers.models")
    assert contents.module_wanted("numpy.f2py")  # numpy names it when its members are copied
    assert contents.module_wanted("transformers.models.auto.configuration_auto")
    assert contents.module_wanted("scipy.sparse.linalg")
    assert contents.module_wanted("torch._inductor.config")
    for name in (
        "transformers.models.llama.modeling_llama",
        "torch.testing._internal.common_utils",
        "scipy.ndimage.tests.test_filters",
        "scipy.optimize",
        "scipy.optimize._linprog",
        "tokenizers",
        "networkx.algorithms",
        "torch._inductor.lowering",
        "transformers.trainer_utils",
    ):
        assert not contents.module_wanted(name)


def test_modules_that_bring_a_library_under_gpl_are_left_out():
    assert {"readline", "_gdbm", "_dbm"} <= set(contents.EXCLUDED_MODULES)


def test_nothing_that_the_program_runs_with_is_left_out():
    own = {Path(name).name for name in (ROOT / "requirements" / "run.txt").read_text().split() if "==" in name}
    packages = {name.split("==")[0].lower().replace("-", "_") for name in own}
    assert "torch" in packages
    assert not packages & {name.lower() for name in contents.EXCLUDED_MODULES}


@pytest.mark.slow
def test_the_networks_of_the_zoo_answer_without_what_is_left_out():
    """timm and torchvision ask for torch's compiler, that for sympy and jinja2; transformers is kept from scipy."""
    program = """if True:
        from importlib.machinery import PathFinder
        from bundling import contents
        find = PathFinder.find_spec
        def found(name, path=None, target=None):
            parts = name.split(".")
            left_out = any(".".join(parts[:n]) in contents.EXCLUDED_MODULES for n in range(1, len(parts) + 1))
            return find(name, path, target) if contents.module_wanted(name) and not left_out else None
        PathFinder.find_spec = found
        from app.engine import first_click
        from app.engine.backends import declare_vision_operators
        from bundling import recipe
        declare_vision_operators()
        first_click.main()
        for name in recipe.HIDDEN:
            __import__(name)
    """
    variables = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "packaging")])}
    done = subprocess.run([sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "words" in json.loads(done.stdout.splitlines()[-1]), done.stdout


def test_every_module_of_the_program_is_named_and_the_demo_is_not():
    names = recipe.own_modules(ROOT)
    assert {
        "app",
        "app.cli.self_test",
        "app.engine.trial.predictor",
        "app.volume_io.isolated",
        "app.__main__",
    } <= set(names)
    assert not any(name.endswith(".__init__") for name in names)
    assert "app.ui.demo" not in names


def test_the_programs_own_files_keep_their_places():
    placed = dict(recipe.own_data(ROOT))
    assert placed[str(ROOT / "resources" / "style.qss")] == "resources"
    for card in (ROOT / "models").glob("*/card.toml"):
        assert placed[str(card)] == f"models/{card.parent.name}"
        weights = tomllib.loads(card.read_text("utf-8")).get("weights")
        if weights and (card.parent / weights).is_file():
            assert placed[str(card.parent / weights)] == f"models/{card.parent.name}"


def test_two_names_that_differ_in_case_alone_are_made_only_where_a_disk_tells_them_apart():
    assert recipe.programs("win32") == [("Volumask", False), ("volumask.com", True)]
    assert recipe.programs("darwin") == recipe.programs("linux") == [("Volumask", False)]
    assert recipe.console("linux") == "volumask"


def test_nvidias_libraries_keep_their_folder_and_those_of_no_use_stay_out(tmp_path):
    folder = tmp_path / "nvidia" / "cu13" / "lib"
    folder.mkdir(parents=True)
    for name in ("libcudart.so.13", "libnvrtc-builtins.so.13.2", "libcusolverMg.so.12", "libnvrtc.alt.so.13", "libx.a"):
        (folder / name).touch()
    found = recipe.cuda_libraries(tmp_path)
    assert [(Path(path).name, place) for path, place in found] == [
        ("libcudart.so.13", "nvidia/cu13/lib"),
        ("libnvrtc-builtins.so.13.2", "nvidia/cu13/lib"),
    ]


class Analysis:
    """PyInstaller's, with what it would have collected."""

    def __init__(self, scripts: list[str], **options: Any) -> None:
        assert Path(scripts[0]).is_file()
        self.options, self.scripts = options, scripts
        self.pure = [("app.session", "x", "PYMODULE"), ("scipy.io.tests.test_mmio", "x", "PYMODULE")]
        self.binaries = [(name, "/site-packages/" + name, "BINARY") for name in (*NEEDED, *UNUSED)]
        self.binaries += [("libgtk-3.so.0", "/lib/x86_64-linux-gnu/libgtk-3.so.0", "BINARY")]
        self.datas = [(name, "/site-packages/" + name, "DATA") for name in ("pydicom/data/palettes/x.dcm", UNUSED[2])]


@pytest.mark.parametrize("system", ["linux", "win32", "darwin"])
@pytest.mark.parametrize("flavour", ["cpu", "cuda"])
def test_the_spec_makes_one_folder_of_what_is_wanted(system, flavour, monkeypatch):
    pytest.importorskip("PyInstaller", reason="the builders' requirements/build.txt is not installed")
    monkeypatch.setenv("VOLUMASK_FLAVOUR", flavour)
    monkeypatch.setattr(sys, "platform", system)
    made: dict[str, Any] = {"programs": []}

    def program(_archive: object, _scripts: object, *, name: str, console: bool, upx: bool, **_: object) -> str:
        assert not upx
        made["programs"].append((name, console))
        return name

    parts = {
        "SPECPATH": str(freeze.PACKAGING),
        "Analysis": lambda *given, **options: made.setdefault("analysis", Analysis(*given, **options)),
        "PYZ": lambda pure: made.setdefault("pure", pure),
        "EXE": program,
        "BUNDLE": lambda *_, **__: None,  # macOS: tests/unit/test_installer_scripts.py
        "COLLECT": lambda *given, **options: made.setdefault("folder", SimpleNamespace(given=given, **options)),
    }
    text = (freeze.PACKAGING / "volumask.spec").read_text(encoding="utf-8")
    exec(compile(text, "volumask.spec", "exec"), parts)
    assert made["programs"] == recipe.programs(system)
    assert made["pure"] == [("app.session", "x", "PYMODULE")]
    assert made["folder"].name == f"volumask-{flavour}"
    *_, binaries, datas = made["folder"].given
    assert [name for name, *_ in binaries] == list(NEEDED)
    assert [name for name, *_ in datas] == ["pydicom/data/palettes/x.dcm"]
    assert "app.cli.self_test" in made["analysis"].options["hiddenimports"]


def test_stripping_leaves_patched_libraries_nvidias_and_links_alone(tmp_path):
    names = (
        "torch/lib/libc10.so",
        "numpy.libs/libopenblas.so",
        "nvidia/cu13/lib/libx.so.13",
        "torch/lib/libcudnn.so.9",
    )
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\x7fELF")
    (tmp_path / "torch" / "lib" / "text.so").write_text("INPUT(libc10.so)")
    (tmp_path / "torch" / "lib" / "libc10.so.1").symlink_to("libc10.so")
    assert list(stripping.may_be_stripped(tmp_path)) == [tmp_path / names[0]]


def test_sizes_are_told_by_what_they_are_for_and_held_against_the_budget(tmp_path):
    for name, size in {"Volumask": 5, "_internal/torch/lib/a.so": 700, "_internal/nothing_known/b": 400}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(size * 1_000_000)
    (tmp_path / "volumask").symlink_to("Volumask")
    assert sizes.table(tmp_path)[0] == ("torch", 700.0)
    assert sizes.total(tmp_path) == 1105
    assert sizes.report(tmp_path, "cpu").splitlines()[-1].endswith("105 MB over it")
    assert "budget" not in sizes.report(tmp_path, "cuda")


def test_finishing_gives_the_second_name_and_takes_dead_links_away(tmp_path):
    if sys.platform != "linux":
        pytest.skip("the second name is a link on Linux only")
    standard = tmp_path / "_internal" / "highdicom" / "_standard"
    standard.mkdir(parents=True)
    (tmp_path / "Volumask").write_text("program")
    (tmp_path / "_internal" / "libgone.so").symlink_to("libgone.so.1")
    (standard / "table.json").write_text('{\n  "a": [1,   2]\n}')
    freeze.finish(tmp_path)
    assert (tmp_path / "volumask").read_text() == "program"
    assert not (tmp_path / "_internal" / "libgone.so").is_symlink()
    assert (standard / "table.json").read_text() == '{"a":[1,2]}'


def test_tables_of_dicom_keep_what_is_written_the_names_of_all_modules_and_which_have_pixels(tmp_path):
    import highdicom

    shutil.copytree(Path(highdicom.__file__).parent / "_standard", tmp_path / "_standard")
    before = sum(path.stat().st_size for path in (tmp_path / "_standard").glob("*.json"))
    whole = json.loads((tmp_path / "_standard" / "module_attribute_map.json").read_text("utf-8"))
    dicom_tables.shorten(tmp_path)
    short = json.loads((tmp_path / "_standard" / "module_attribute_map.json").read_text("utf-8"))
    assert sum(path.stat().st_size for path in (tmp_path / "_standard").glob("*.json")) < before / 12
    assert short.keys() == whole.keys()
    for module in ("image-pixel", "patient", "segmentation-image", "segmentation-multi-frame-functional-groups"):
        assert short[module] == whole[module]
    for module, entries in whole.items():
        assert [entry for entry in entries if not entry["path"]] == [e for e in short[module] if not e["path"]]
        pixels = any("PixelData" in entry["keyword"] for entry in entries)
        assert pixels == any("PixelData" in entry["keyword"] for entry in short[module]), module
    assert len(short["rt-treatment-preparation"]) < len(whole["rt-treatment-preparation"]) / 10


def test_a_library_that_two_wheels_bring_is_kept_once(tmp_path):
    if sys.platform == "win32":
        pytest.skip("links are made on Linux only")
    texts = {"numpy.libs/libg.so.5": "same", "scipy.libs/libg.so.5": "same", "pillow.libs/libg.so.5": "other"}
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    (tmp_path / "libg.so.5").symlink_to("numpy.libs/libg.so.5")
    freeze.link_copies(tmp_path)
    linked = [name for name in texts if (tmp_path / name).is_symlink()]
    assert len(linked) == 1
    assert all((tmp_path / name).read_text() == text for name, text in texts.items())


@pytest.mark.skipif(sys.platform != "linux", reason="Qt is linked to ICU on Linux only")
def test_icus_tables_without_other_languages_sort_as_before(tmp_path):
    import PySide6

    shutil.copytree(Path(PySide6.__file__).parent, tmp_path / "PySide6", ignore=shutil.ignore_patterns("qml", "*.pyi"))
    shutil.copytree(Path(PySide6.__file__).parents[1] / "shiboken6", tmp_path / "shiboken6")
    program = """if True:
        from PySide6.QtCore import QCollator, QLocale
        words = ["b10", "b9", "ä", "Z", "a", "é", "f", "_x", "B", "ö", "中", "文"]
        for name in ("en_US", "de_DE", "C"):
            order = QCollator(QLocale(name))
            order.setNumericMode(True)
            print(sorted(words, key=order.sortKey), QLocale("de_DE").toUpper("straße"))
        import PySide6
        print(PySide6.__file__)
    """
    asked = [sys.executable, "-c", program]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    before = subprocess.run(asked, env=environment, check=True, capture_output=True, text=True).stdout
    (library,) = (path for path in (tmp_path / "PySide6").rglob("libicudata.so.*") if not path.is_symlink())
    assert library.stat().st_size > 30e6
    icu.shrink(tmp_path)
    assert library.stat().st_size < 6e6
    after = subprocess.run(asked, env=environment, check=True, capture_output=True, text=True).stdout
    assert after == before
    assert str(tmp_path) in after
