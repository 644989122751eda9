"""The digest of code that makes something: what was kept of it is used as long as that code is the same."""

from __future__ import annotations

import dis
import hashlib
import importlib.util
import sys
from collections.abc import Iterator
from types import CodeType
from typing import Any

_OWN = "app."


def digest(module: str) -> str:
    """32 hexadecimal digits for what a module and all that it imports of this program would do.

    Comments and line numbers do not count; bytecode, constants and names do, and the versions of the packages that are
    imported. It differs from one minor version of Python to the next. Nobody has to raise a number when the code
    changes: forgetting that once gave masks from features that the program no longer made.

    Raises:
        ImportError: there is no such module, or it holds no Python code.
    """
    sha = hashlib.blake2b(digest_size=16)
    packages: set[str] = set()
    for name, code in sorted(_modules(module, packages)):
        sha.update(f"{name}\n".encode())
        sha.update(fingerprint(code))
    for package in sorted(packages):
        sha.update(f"{package} {getattr(sys.modules.get(package), '__version__', '')}\n".encode())
    return sha.hexdigest()


def fingerprint(code: CodeType) -> bytes:
    """Of a function's or a module's bytecode with all that is defined in it; the same in every process."""
    sha = hashlib.blake2b(digest_size=16)
    sha.update(code.co_code)
    for names in (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars):
        sha.update(repr(names).encode())
    for constant in code.co_consts:
        sha.update(_told(constant))
    return sha.digest()


def _told(constant: Any) -> bytes:
    match constant:
        case CodeType():
            return fingerprint(constant)
        case frozenset():  # a set of texts has another order in every process
            return repr(sorted(map(repr, constant))).encode()
        case _:
            return repr(constant).encode()


def _modules(first: str, packages: set[str]) -> Iterator[tuple[str, CodeType]]:
    """This program's modules that one needs, itself among them; adds the packages that they import."""
    waiting, seen = [first], {first}
    while waiting:
        name = waiting.pop()
        code = _code(name)
        yield name, code
        for imported in _imports(code):
            if not imported.startswith(_OWN):
                packages.add(imported.split(".")[0])
            elif imported not in seen and _is_module(imported):
                seen.add(imported)
                waiting.append(imported)


def _is_module(name: str) -> bool:
    package = importlib.util.find_spec(name.rpartition(".")[0])
    inside = package is not None and package.submodule_search_locations is not None
    return inside and importlib.util.find_spec(name) is not None


def _code(module: str) -> CodeType:
    spec = importlib.util.find_spec(module)
    loader = spec.loader if spec else None
    code = loader.get_code(module) if loader and hasattr(loader, "get_code") else None
    if not isinstance(code, CodeType):
        raise ImportError(f"{module} has no code")
    return code


def _imports(code: CodeType) -> Iterator[str]:
    """Every name that an import in the code could mean, also of functions: `from a import b` gives a and a.b."""
    source = ""
    for step in dis.get_instructions(code):
        if step.opname == "IMPORT_NAME":
            source = str(step.argval)
            yield source
        elif step.opname == "IMPORT_FROM" and source.startswith(_OWN):
            yield f"{source}.{step.argval}"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _imports(constant)
