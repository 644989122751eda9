"""What a bundle holds: which files and modules of the installed packages go in. Pure rules on names, for every system.

A name is a path inside the bundle with forward slashes, or a module's dotted name. The reasons are measured: what is
dropped here was found to be collected by PyInstaller and not to be opened by any verb of the program.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

EXCLUDED_MODULES = (
    # GPL libraries of the system would come along with these three
    "readline",
    "_gdbm",
    "_dbm",
    # a library of the system each, for what nothing here does
    "curses",
    "_curses",
    "_curses_panel",
    # tests, checks and builders of the development environment
    "pytest",
    "_pytest",
    "pytestqt",
    "hypothesis",
    "mypy",
    "mypyc",
    "ruff",
    "importlinter",
    "grimp",
    "setuptools",
    "pkg_resources",
    "pip",
    "distutils",
    "ensurepip",
    "lib2to3",
    "PyInstaller",
    "tests",
    "training",
    "benchmarks",
    "app.ui.demo",
    # packages that others use when they are there, and that requirements/run.txt leaves out
    "itk",
    "skimage",
    "imageio",
    "tifffile",
    "trimesh",
    "matplotlib",
    "mpl_toolkits",
    "pylab",
    "fontTools",
    "kiwisolver",
    "contourpy",
    "dateutil",
    "pyparsing",
    "IPython",
    "pandas",
    "tkinter",
    "_tkinter",
    "turtle",
    "idlelib",
    "tensorboard",
    "triton",
    "rich",
    "pygments",
    "click",
    "sklearn",
    "lazy_loader",
    # parts of Qt that no window of ours uses
    *(
        f"PySide6.Qt{part}"
        for part in ("Qml", "Quick", "QuickWidgets", "QuickControls2", "Network", "Pdf", "OpenGL", "OpenGLWidgets")
    ),
    *(
        f"PySide6.Qt{part}"
        for part in ("Sql", "Xml", "Designer", "Help", "UiTools", "Concurrent", "PrintSupport", "Test")
    ),
)

_TRANSFORMERS = (
    "auto",
    "sam2",
    "sam2_video",
    "edgetam",
    "edgetam_video",
    "timm_wrapper",
    "timm_backbone",
    "deprecated",
)
"""The models of transformers that `app/engine/sam2` builds, and those they are made of."""

_SCIPY_PARTS = (
    *("cluster", "datasets", "differentiate", "fft", "fftpack", "integrate", "interpolate"),
    *("io", "odr", "optimize", "signal", "stats"),
)
"""Parts of scipy that neither the program asks for (ndimage, sparse, spatial, special) nor what those import."""

_DROPPED_MODULES = (
    "torch.testing._internal.*",
    "torch.utils.tensorboard*",
    "torch.utils.benchmark*",
    "*.tests",
    "*.tests.*",
    "scipy.conftest",
    "sympy.parsing.autolev*",
    "sympy.parsing.latex*",
    *(f"scipy.{part}{below}" for part in _SCIPY_PARTS for below in ("", ".*")),
    # What turns words into numbers, 8 MB, and the two that ask for it: the examples in docstrings would name them.
    "tokenizers*",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.auto.processing_auto",
    # training, ready-made tasks, and the command line of transformers and of the site its models come from
    "transformers.trainer*",
    "transformers.training_args*",
    "transformers.pipelines*",
    "transformers.data*",
    "transformers.cli*",
    "huggingface_hub.inference*",
    "huggingface_hub.cli*",
    "fsspec*",
    # torch's compiler, but what is imported to know of it (4.4 MB packed), and parts that nothing here asks for
    "torch._inductor.*",
    "torch._vendor.quack*",
    "torch.distributed.pipelining*",
    "torch.ao.ns*",
    "torch.ao.pruning*",
    "networkx*",
    "pydoc_data*",
)

_KEPT_MODULES = (
    "torch.testing._internal",
    "torch.testing._internal.common_dtype",
    "torch.testing._internal.distributed",
    "torch.testing._internal.distributed.fake_pg",
    "torch.testing._internal.logging_tensor",
    "jinja2.tests",  # of values in templates
    *(
        f"torch._inductor.{name}"
        for name in (
            *("_functionalize_collectives", "analysis", "analysis.device_info", "config", "cpp_builder"),
            *("cpu_vec_isa", "cudagraph_utils", "custom_graph_pass", "exc", "runtime", "runtime.cache_dir_utils"),
            *("runtime.hints", "runtime.runtime_utils", "standalone_compile", "test_operators", "utils"),
        )
    ),
)
"""Exceptions from what is dropped: torch imports them when a network is traced, and with its compiler."""

_DROPPED_FILES = (
    "torch/bin/*",
    "torch/include/*",
    "torch/share/*",
    "torch/test/*",
    "torch/lib/*test*",
    "torch/lib/*aoti_custom_ops*",
    "torch/lib/*backend_with_compiler*",
    "torch/*.lib",
    "torch/*.a",
    "torch/*.h",
    # native operators that are never called (app/engine/backends/vision_operators.py)
    "torchvision/*.so",
    "torchvision/*.pyd",
    "torchvision/*.dylib",
    "torchvision.libs/*",
    "scipy/special/cython_special*",  # for other compiled code
    *(f"scipy/{part}/*" for part in _SCIPY_PARTS),
    "scipy/linalg/_decomp_interpolative*",
    "tokenizers/*",
    # of a package's papers its name, version and licences are read; torch's list of files alone has 1.5 MB
    "*.dist-info/RECORD",
    "*.dist-info/sboms/*",
    # formats of pictures that no DICOM file holds, and the drawing of text into them
    "PIL/_avif*",
    "PIL/_webp*",
    "PIL/_imagingft.*",
    "PIL/_imagingtk*",
    "pillow.libs/libavif*",
    "pillow.libs/libwebp*",
    "pillow.libs/libsharpyuv*",
    "pillow.libs/libharfbuzz*",
    "pillow.libs/libfreetype*",
    "pillow.libs/libbrotli*",
    "pillow.libs/libpng16*",
    # OpenVINO runs on the CPU here and reads torch modules and its own format
    "openvino/libs/*intel_gpu_plugin*",
    "openvino/libs/*intel_npu*",
    "openvino/libs/*onnx_frontend*",
    "openvino/libs/*tensorflow*frontend*",
    "openvino/libs/*paddle_frontend*",
    "openvino/libs/*jax_frontend*",
    "openvino/libs/*gguf_frontend*",
    "openvino/libs/*auto_plugin*",
    "openvino/libs/*auto_batch_plugin*",
    "openvino/libs/*hetero_plugin*",
    "openvino/libs/*openvino_c.*",
    "openvino/libs/cache.json",
    "openvino/frontend/onnx/*",
    "openvino/frontend/paddle/*",
    "openvino/frontend/tensorflow/*",
    "openvino/frontend/jax/*",
    # Qt: its own translations, and what belongs to parts that are left out
    "PySide6/Qt/translations/*",
    "PySide6/translations/*",
    "PySide6/Qt/qml/*",
    "PySide6/qml/*",
    "pydicom/data/test_files/*",
    "timm/data/_info/*",
)

_SYSTEM_LIBRARIES = (
    "libpython*",
    "libssl*",
    "libcrypto*",
    "libffi*",
    "libbz2*",
    "liblzma*",
    "libz.so*",
    "libzstd*",
    "libexpat*",
    "libuuid*",
    "libsqlite3*",
    "libgomp*",
    "libxcb-*",
    "libxkbcommon*",
    "libX11-xcb*",
)
"""Of the building computer's own libraries, those that go in on Linux: Python's, and parts of X11 that may be missing.

All others are taken from the computer that runs it, where each is at least as new: a graphics driver needs its own C++
library, fonts and D-Bus their own settings. The .deb names them as what it depends on.
"""

_KEPT_FILES = ("torch/bin/torch_shm_manager", "torch/lib/libtorch_global_deps*")
"""Exceptions from what is dropped: `import torch` fails on Linux without the first."""

_QT_PLUGINS = (
    "platforms/*xcb*",
    "platforms/*offscreen*",
    "platforms/*windows*",
    "platforms/*cocoa*",
    "xcbglintegrations/*",
    "iconengines/*svg*",
    "imageformats/*svg*",
    "imageformats/*jpeg*",
    "platforminputcontexts/*compose*",
    "platforminputcontexts/*ibus*",
    "styles/*",
)

_QT_LIBRARIES = (
    *("Qml", "Quick", "Network", "Pdf", "VirtualKeyboard", "OpenGLWidgets"),
    *("Wayland", "WlShell", "EglFS", "EglFs", "Sql", "Test"),
)

# torch reads the source text of these modules when they are first used: settings, and functions that are compiled.
_TORCH_SOURCES = (
    "torch/*config.py",
    "torch/*config/*.py",
    "torch/_jit_internal.py",
    "torch/jit/*.py",
    "torch/functional.py",
    "torch/nn/functional.py",
    "torch/nn/modules/*.py",
    "torch/fx/*.py",
    "torch/utils/*.py",
    "torch/overrides.py",
    "torch/_sources.py",
    "torch/_refs/*.py",
    "torch/_decomp/*.py",
    "torch/_prims*/*.py",
    "torch/_library/*.py",
)

_OTHER_SOURCES = {
    # transformers reads from its files which classes they hold
    "transformers": ("transformers/__init__.py", "transformers/models/*.py"),
    # torch reads a method of this one that is declared several times
    "torchvision": ("torchvision/models/densenet.py",),
    "timm": (),
}
"""The same of packages whose hooks lay all sources beside: 14 of 15 MB are never needed."""


def module_wanted(name: str) -> bool:
    """Whether a pure Python module goes in."""
    if name not in _KEPT_MODULES and any(fnmatchcase(name, pattern) for pattern in _DROPPED_MODULES):
        return False
    parts = name.split(".")
    if parts[:2] == ["transformers", "models"] and len(parts) > 2:
        return parts[2] in _TRANSFORMERS
    return True


def library_wanted(source: str) -> bool:
    """Whether a library of the building computer goes in, by where it lies there; true for every package's own."""
    if not source.startswith(("/usr/", "/lib")) or "/site-packages/" in source:
        return True
    return any(fnmatchcase(source.rsplit("/", 1)[-1], pattern) for pattern in _SYSTEM_LIBRARIES)


def file_wanted(name: str) -> bool:
    """Whether a library or data file goes in, by its place in the bundle."""
    name = name.replace("\\", "/")
    if any(fnmatchcase(name, pattern) for pattern in _KEPT_FILES):
        return True
    if name.endswith(".py"):
        return _source_wanted(name)
    if "/plugins/" in name and name.startswith("PySide6/"):
        return any(fnmatchcase(name.split("/plugins/", 1)[1], pattern) for pattern in _QT_PLUGINS)
    base = name.rsplit("/", 1)[-1]
    if base.startswith(("libQt6", "Qt6", "Qt")) and any(part in base for part in _QT_LIBRARIES):
        return False
    return not any(fnmatchcase(name, pattern) for pattern in _DROPPED_FILES)


def _source_wanted(name: str) -> bool:
    """Source text beside the compiled modules: only where a package reads its own."""
    if not module_wanted(name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")):
        return False
    package = name.split("/", 1)[0]
    read = _TORCH_SOURCES if package == "torch" else _OTHER_SOURCES.get(package, ("*",))
    return any(fnmatchcase(name, pattern) for pattern in read)
