"""The mouse in slice views: one small class per grammar, and `Mouse`, which gives each press to the right one."""

from app.ui.tools.looking import step_slice
from app.ui.tools.mouse import Mouse
from app.ui.tools.prompting import line

__all__ = ["Mouse", "line", "step_slice"]
