"""What PyInstaller takes of torch: its modules, and the libraries that a network's forward pass needs.

In place of the common hook, which adds headers, tests and tools (200 MB). `bundling.contents` drops what still comes.
"""

from pathlib import Path

from PyInstaller.utils.hooks import PY_DYLIB_PATTERNS, collect_dynamic_libs, collect_submodules, get_package_paths

# Sources too, since torch reads some of its own when it is imported; all but those are dropped afterwards.
module_collection_mode = "pyz+py"
warn_on_missing_hiddenimports = False
bindepend_symlink_suppression = ["**/torch/lib/*.so*"]


def _wanted(name: str) -> bool:
    return not name.startswith(("torch.testing._internal.", "torch.utils.tensorboard", "torch.utils.benchmark"))


hiddenimports = collect_submodules("torch", filter=_wanted, on_error="ignore")
hiddenimports += ["torch.testing._internal.common_dtype", "torch.testing._internal.logging_tensor"]
binaries = collect_dynamic_libs("torch", search_patterns=[*PY_DYLIB_PATTERNS, "*.so.*"])
# Linux: `import torch` fails without this program, though nothing here starts it.
binaries += [(str(path), "torch/bin") for path in Path(get_package_paths("torch")[1]).glob("bin/torch_shm_manager")]
datas = []
