"""The self-test: whether this installation does its main job on this computer, part by part.

`run` is what `volumask self-test` prints, installers run at their end and the crash report repeats.
"""

from app.self_test.parts import Part, last_report, run

__all__ = ["Part", "last_report", "run"]
