"""What PyInstaller takes of OpenVINO: its Python modules and the libraries it loads by name at run time."""

from PyInstaller.utils.hooks import collect_dynamic_libs, collect_submodules

hiddenimports = collect_submodules(
    "openvino",
    filter=lambda name: not name.startswith(("openvino.tools.benchmark", "openvino.torch")),
    on_error="ignore",
)
binaries = collect_dynamic_libs("openvino", search_patterns=["*.so", "*.so.*", "*.dll", "*.dylib", "*.pyd"])
datas = []
