"""`LabelReceipt`: what a file of labels or contours holds, as it was read back, in plain words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

DE_IDENTIFIED = "no patient data"
IDENTIFIED = "the patient's name and identifiers of the source, as asked"


@dataclass(frozen=True, slots=True)
class Written:
    """One segment in the file.

    Args:
        kind: What the file says it is, "" where the format cannot say.
        voxels: As counted in the file that was written.
        ml: Millilitres of them.
    """

    name: str
    kind: str
    voxels: int
    ml: float


@dataclass(frozen=True, slots=True)
class LabelReceipt:
    """What was written.

    Args:
        frame: World axes of the file's coordinates, "LPS" or "RAS".
        reference: Which images it refers to.
        identity: What it says about the patient.
        notes: What a reader should know.
    """

    path: str
    format: str
    written: tuple[Written, ...]
    frame: str = "LPS"
    unit: str = "mm"
    reference: str = ""
    identity: str = DE_IDENTIFIED
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def text(self) -> str:
        """A few lines for people."""
        lines = [f"{self.path}: {self.format}, {self.frame}, {self.unit}"]
        for each in self.written:
            kind = f" ({each.kind})" if each.kind else ""
            lines.append(f"  {each.name}{kind}: {each.voxels} voxels, {each.ml:.3f} mL")
        said = [self.reference, self.identity, *self.notes]
        return "\n".join([*lines, *(f"  {line[0].upper()}{line[1:]}." for line in said if line)])
