"""`Sheet`: the words and pictures of one page, small enough to hand to the process that prints it."""

from __future__ import annotations

from dataclasses import dataclass

from app.measure.tables import Table, agreement_table, statistics_table
from app.report.page import END, MOST_PICTURED, VIEWS, Content, facts, pictures_of

Pictures = tuple[tuple[bytes, str], ...]
"""PNG and caption of each."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is printed.

    Args:
        views, end: The sentences above the pictures and at the end.
        agreed: None where there was nothing to compare with.
        pictured: Name and pictures of each segment that is not empty.
        scene: PNG of the surfaces, where there is one.
    """

    title: str
    facts: str
    remarks: str
    views: str
    end: str
    measured: Table
    agreed: Table | None
    pictured: tuple[tuple[str, Pictures], ...]
    scene: bytes | None

    @classmethod
    def of(cls, content: Content) -> Sheet:
        """Draw the pictures; the volume is not needed after that."""
        chosen = [(s.name, tuple(pictures_of(content, s))) for s in content.segments[:MOST_PICTURED]]
        return cls(
            title=content.title,
            facts=facts(content),
            remarks=content.remarks,
            views=VIEWS,
            end=END,
            measured=statistics_table(content.statistics).without("Minimum", "Maximum", "Voxels"),
            agreed=agreement_table(content.agreements) if content.agreements else None,
            pictured=tuple(one for one in chosen if one[1]),
            scene=content.scene,
        )
