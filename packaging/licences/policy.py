"""What may be inside: licences that let Volumask (BSD-3-Clause) be given on; and what LGPL asks besides."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from license_expression import (
    AND,
    OR,
    ExpressionError,
    LicenseSymbol,
    LicenseWithExceptionSymbol,
    Licensing,
    get_spdx_licensing,
)

_ALLOWED = tomllib.loads((Path(__file__).parent / "allowed.toml").read_text("utf-8"))
PERMISSIVE = frozenset(_ALLOWED["permissive"])
WEAK = frozenset(_ALLOWED["weak"])
REFERENCES = frozenset(_ALLOWED["references"])
EXCEPTIONS = frozenset(_ALLOWED["exceptions"])
QT_PARTS = frozenset(_ALLOWED["qt"])


@cache
def _licensing() -> Licensing:
    return get_spdx_licensing()


def chosen(expression: str) -> str | None:
    """The licence under which a part may be inside, the choice made where there is one; None when there is none.

    Args:
        expression: SPDX.
    """
    if not expression:
        return None
    try:
        parsed = _licensing().parse(expression)
    except ExpressionError:
        return None
    return _chosen(parsed)


def _chosen(part: object) -> str | None:
    if isinstance(part, OR):
        kept = [licence for argument in part.args if (licence := _chosen(argument))]
        return min(kept, key=lambda licence: any(leaf in WEAK for leaf in leaves(licence))) if kept else None
    if isinstance(part, AND):
        each = [_chosen(argument) for argument in part.args]
        return " AND ".join(licence for licence in each if licence) if all(each) else None
    if isinstance(part, LicenseWithExceptionSymbol):
        return str(part) if part.exception_symbol.key in EXCEPTIONS else None
    if isinstance(part, LicenseSymbol):
        return str(part) if part.key in PERMISSIVE | WEAK | REFERENCES else None
    return None


def leaves(expression: str) -> list[str]:
    """The licences that an expression names, without their exceptions."""
    words = expression.replace("(", " ").replace(")", " ").split()
    skipped = {index + 1 for index, word in enumerate(words) if word == "WITH"}
    return [word for index, word in enumerate(words) if word not in ("AND", "OR", "WITH") and index not in skipped]
