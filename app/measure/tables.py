"""`Table`: measurements as rows of text, for the screen, the clipboard, a CSV file and the report."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.atomic_file import replacing

if TYPE_CHECKING:
    from app.measure.agreement import Agreement
    from app.measure.statistics import SegmentStatistics


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows, all of them text; "" where nothing is known."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def as_csv(self) -> str:
        """Commas between, a dot in numbers, lines ended as RFC 4180 says."""
        return self._joined(",", "\r\n")

    def as_tabs(self) -> str:
        """For the clipboard: spreadsheets take it as cells."""
        return self._joined("\t", "\n")

    def as_text(self) -> str:
        """For people: one line per cell, the segment's name over them."""
        lines = []
        for row in self.rows:
            lines.append(row[0])
            lines += [f"  {name}: {cell}" for name, cell in zip(self.columns[1:], row[1:], strict=True) if cell]
        return "\n".join(lines)

    def without(self, *words: str) -> Table:
        """Without the columns whose name begins with one of these."""
        kept = [n for n, name in enumerate(self.columns) if not name.startswith(words)]
        return Table(tuple(self.columns[n] for n in kept), tuple(tuple(row[n] for n in kept) for row in self.rows))

    def save_csv(self, path: str | Path) -> None:
        """Write a CSV file, whole or not at all; with the mark by which Excel knows UTF-8.

        Raises:
            AppError: when it cannot be written.
        """
        with replacing(path) as temporary:
            temporary.write_text(self.as_csv(), encoding="utf-8-sig", newline="")

    def _joined(self, delimiter: str, end: str) -> str:
        text = io.StringIO()
        writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
        writer.writerow(self.columns)
        writer.writerows([[_harmless(cell) for cell in row] for row in self.rows])
        return text.getvalue()


def statistics_table(statistics: Sequence[SegmentStatistics]) -> Table:
    """One row per segment."""
    unit = next((f" ({one.unit})" for one in statistics if one.unit), "")
    columns = (
        "Segment", "Volume (mL)", "from (mL)", "to (mL)", "Surface (cm²)", f"Mean{unit}", f"SD{unit}", f"Median{unit}",
        f"Minimum{unit}", f"Maximum{unit}", "Longest diameter (mm)", "Longest axial (mm)", "Across (mm)", "Voxels",
    )  # fmt: skip
    return Table(columns, tuple(_row(one) for one in statistics))


def agreement_table(agreements: Sequence[Agreement]) -> Table:
    """One row per segment."""
    tolerance = f"{agreements[0].tolerance:g}" if agreements else "2"
    columns = ("Segment", "Compared with", "Dice", "HD95 (mm)", f"NSD ({tolerance} mm)", "Volume (mL)", "Other (mL)")
    rows = (
        (a.name, a.other, f"{a.dice:.4f}", _number(a.hd95, 2), f"{a.nsd:.4f}", f"{a.ml:.3f}", f"{a.other_ml:.3f}")
        for a in agreements
    )
    return Table(columns, tuple(rows))


def _row(one: SegmentStatistics) -> tuple[str, ...]:
    low, high = one.ml_interval or (None, None)
    sizes = one.diameters
    lengths = (sizes.longest, sizes.axial, sizes.across) if sizes else (None, None, None)
    return (
        one.name,
        f"{one.ml:.3f}",
        _number(low, 3),
        _number(high, 3),
        f"{one.surface_cm2:.2f}",
        *(_number(value, 2) for value in (one.mean, one.sd, one.median, one.low, one.high)),
        *(_number(length, 1) for length in lengths),
        str(one.voxels),
    )


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _harmless(cell: str) -> str:
    """A name that a spreadsheet would run as a formula gets an apostrophe; numbers stay."""
    if cell[:1] in ("=", "@", "\t") or (cell[:1] in ("+", "-") and not cell[1:].replace(".", "", 1).isdigit()):
        return "'" + cell
    return cell
