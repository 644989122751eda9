"""Linux's installers of a bundle: a .deb for the whole computer, and a file that installs itself for one user."""

from __future__ import annotations

from pathlib import Path


def installers(bundle: Path, flavour: str, out: Path) -> list[Path]:
    """Make both in `out`; returns their paths.

    Of what no host of releases takes as one file only the per-user one is made, in parts.
    """
    from bundling import freeze, recipe

    from linux import deb, per_user, tree

    version = recipe.version(freeze.ROOT)
    packed = freeze.ROOT / "build" / "installed.tar.xz"
    with tree.laid_out(bundle) as root:
        try:
            tree.pack(root, packed, freeze.environment(flavour))
            carried = packed.stat().st_size < per_user.PART
            made = [deb.build(root, packed, flavour, version, out)] if carried else []
            return [*made, *per_user.parts(per_user.build(packed, tree.weight(root), flavour, version, out))]
        finally:
            packed.unlink(missing_ok=True)
