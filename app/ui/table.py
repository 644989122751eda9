"""The rows of the table of actions: what it is called, its keys, what it does, when it can, whether it is on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.ui.effect_table import EFFECTS, EffectRow
from app.view_state import CT_PRESETS

if TYPE_CHECKING:
    from app.ui.commands import Commands

Verb = Callable[["Commands"], object]
Test = Callable[["Commands"], bool]


def _always(_: Commands) -> bool:
    return True


def _has_case(commands: Commands) -> bool:
    return commands.session.document is not None


def _can_find(commands: Commands) -> bool:
    return _has_case(commands) and commands.session.model.automatic


def _has_segment(commands: Commands) -> bool:
    return commands.active is not None


def _has_prompts(commands: Commands) -> bool:
    return bool(commands.active_prompts)


@dataclass(frozen=True, slots=True)
class Row:
    """One action.

    Args:
        text: With & before the menu's key letter.
        keys: Portable names of the keys; the first is shown in the menu.
        run: Given the commands.
        group: Rows of different groups of a menu have a line between them.
        button: A short text in the tool bar, for what nobody guesses from a picture (Slicer's users could not find the
            STL export).
        only_views: Keys that lists need too (arrows, Home) work only while a view has the focus.
    """

    id: str
    menu: str
    text: str
    run: Verb
    icon: str = ""
    keys: tuple[str, ...] = ()
    enabled: Test = _always
    checked: Test | None = None
    tip: str = ""
    group: int = 0
    only_views: bool = False
    button: str = ""


def _text(text: str) -> str:
    """Marks a text for pyside6-lupdate; translated when shown."""
    return str(QT_TRANSLATE_NOOP("Actions", text))


FILE, EDIT, SEGMENT, CORRECT, TOOLS, VIEW, HELP = MENUS = (
    _text("&File"), _text("&Edit"), _text("&Segment"), _text("&Correct"), _text("&Tools"), _text("&View"),
    _text("&Help"),
)  # fmt: skip

PRESET_KEYS = "1234567"
PROMPT_TOOLS = ("point", "box", "scribble")
"""Tools that are called like the kind of prompt they make, the handiest first."""
KINDS = {name: name for name in PROMPT_TOOLS} | {"lasso": "mask"}
"""The kind of prompt that each tool makes."""


def _tool(name: str, text: str, keys: tuple[str, ...], tip: str, group: int = 0) -> Row:
    def usable(commands: Commands) -> bool:
        """Looking always; a kind of prompt where the model takes it."""
        taken = name not in KINDS or KINDS[name] in commands.session.model.prompts
        return taken and _has_case(commands)

    use: Verb = lambda c: c.use_tool(name)  # noqa: E731  # a row is data
    return Row(name, TOOLS, text, use, name, keys, usable, lambda c: c.session.view.tool == name, tip, group)


def _correction(effect: EffectRow) -> Row:
    def run(commands: Commands, which: str) -> None:
        commands.correct(which)

    work = partial(run, which=effect.id)
    return Row(f"correct-{effect.id}", CORRECT, effect.text, work, enabled=_has_segment, tip=effect.help)


def _step(name: str, text: str, keys: tuple[str, ...], steps: int) -> Row:
    run: Verb = lambda c: c.step(steps)  # noqa: E731  # a row is data
    return Row(name, VIEW, text, run, keys=keys, enabled=_has_case, group=3, only_views=True)


def _preset(number: int) -> Row:
    def run(commands: Commands, which: int) -> None:
        commands.use_preset(which)

    return Row(
        f"preset-{number}",
        VIEW,
        list(CT_PRESETS)[number],
        partial(run, which=number),
        keys=(PRESET_KEYS[number],),
        enabled=_has_case,
        group=2,
    )


ROWS: tuple[Row, ...] = (
    Row("open", FILE, _text("&Open scan or project…"), lambda c: c.cases.choose_file(), "open", ("Ctrl+O",),
        tip=_text("Open a scan or a project")),
    Row("open-folder", FILE, _text("Open DICOM &folder…"), lambda c: c.cases.choose_folder(), "folder",
        ("Ctrl+Shift+O",)),
    Row("save", FILE, _text("&Save project"), lambda c: c.cases.save(), "save", ("Ctrl+S",), _has_case, group=1),
    Row("save-as", FILE, _text("Save project &as…"), lambda c: c.cases.save_as(), "", ("Ctrl+Shift+S",), _has_case,
        group=1),
    Row("bring-in", FILE, _text("&Bring in labels…"), lambda c: c.exports.bring_in(), "labels", ("Ctrl+I",), _has_case,
        tip=_text("Bring in segments: label map, .seg.nrrd, DICOM SEG, RT Structure Set"), group=1),
    Row("export-mesh", FILE, _text("Export for &3D print (STL)…"), lambda c: c.exports.mesh(), "mesh", ("Ctrl+E",),
        _has_segment, tip=_text("Export surfaces for 3D print: STL, OBJ, PLY"), group=2, button=_text("3D print")),
    Row("export-labels", FILE, _text("Export &labels (NIfTI, DICOM)…"), lambda c: c.exports.labels(), "labels",
        ("Ctrl+Shift+E",), _has_segment, group=2, button=_text("Labels"),
        tip=_text("Export labels: NIfTI, .seg.nrrd, DICOM SEG, RT Structure Set")),
    Row("report", FILE, _text("Write &report…"), lambda c: c.measuring.report(), "", (), _has_segment,
        tip=_text("One page with pictures and measurements; it names no patient"), group=2),
    Row("screenshot", FILE, _text("Save s&creenshot…"), lambda c: c.exports.screenshot(), "", (), _has_case, group=2),
    Row("quit", FILE, _text("&Quit"), lambda c: c.quit(), "", ("Ctrl+Q",), group=3),

    Row("undo", EDIT, _text("&Undo"), lambda c: c.session.undo(), "undo", ("Ctrl+Z",), lambda c: c.session.can_undo),
    Row("redo", EDIT, _text("&Redo"), lambda c: c.session.redo(), "redo", ("Ctrl+Y", "Ctrl+Shift+Z"),
        lambda c: c.session.can_redo),
    Row("delete-prompt", EDIT, _text("&Delete last or chosen prompt"), lambda c: c.delete_prompt(), "",
        ("Del", "Backspace"), _has_prompts, group=1, only_views=True),
    Row("flip-prompt", EDIT, _text("&Turn last or chosen prompt around"), lambda c: c.flip_prompt(), "",
        ("Shift+T",), _has_prompts, group=1),
    Row("cancel", EDIT, _text("&Cancel what runs, or put the tool away"), lambda c: c.escape(), "", ("Esc",), group=1),

    Row("add-segment", SEGMENT, _text("&New segment"), lambda c: c.session.add_segment(), "add", ("E", "M"), _has_case),
    Row("rename", SEGMENT, _text("Re&name"), lambda c: c.rename(), "", ("F2",), _has_segment),
    Row("reset", SEGMENT, _text("&Reset: take its mask and prompts away"), lambda c: c.reset(), "reset", ("R",),
        _has_segment),
    Row("remove-segment", SEGMENT, _text("&Delete segment"), lambda c: c.remove_segment(), "trash", ("Shift+Del",),
        _has_segment),
    Row("previous", SEGMENT, _text("&Previous segment"), lambda c: c.walk(-1), "", ("Q",), _has_segment, group=1),
    Row("next", SEGMENT, _text("Ne&xt segment"), lambda c: c.walk(1), "", ("W",), _has_segment, group=1),
    Row("visible", SEGMENT, _text("Show or &hide segment"), lambda c: c.toggle("visible"), "eye", ("V",), _has_segment,
        group=2),
    Row("all-visible", SEGMENT, _text("Show or hide &all segments"), lambda c: c.toggle_all(), "", ("G",), _has_segment,
        group=2),
    Row("lock", SEGMENT, _text("&Lock or unlock segment"), lambda c: c.toggle("locked"), "lock", ("Ctrl+L",),
        _has_segment, group=2),
    Row("measure", SEGMENT, _text("&Measurements…"), lambda c: c.measuring.open(), "measure", ("Ctrl+M",), _has_segment,
        tip=_text("Volumes, surfaces, diameters, intensities; comparison with other labels"), group=2),
    Row("propagate", SEGMENT, _text("&Propagate from this slice, both ways"), lambda c: c.propagate(), "propagate",
        ("Shift+S",), lambda c: _has_segment(c) and not c.session.propagating,
        tip=_text("Propagate the mask of this slice to its neighbours, both ways"), group=3,
        button=_text("Propagate")),
    Row("uncertainty", SEGMENT, _text("Show &uncertainty"), lambda c: c.estimates.toggle(), "uncertainty", ("U",),
        _has_prompts, lambda c: c.session.view.heat, _text("Show after every click where the mask is unsure"), 3,
        button=_text("Uncertainty")),
    Row("next-click", SEGMENT, _text("Next &click here"), lambda c: c.estimates.suggest(), "target", ("N",),
        _has_prompts, tip=_text("Go to where the next click helps most"), group=3, button=_text("Next click")),
    Row("other-click", SEGMENT, _text("Click where suggested, but the &other way"),
        lambda c: c.estimates.accept(as_thought=False), "", ("Shift+Return", "Shift+Enter"), _has_prompts,
        tip=_text("Exclude what is thought to be inside, or include what is thought to be outside"), group=3,
        only_views=True),
    Row("worst-slice", SEGMENT, _text("&Worst slice"), lambda c: c.estimates.worst(), "", ("J",), _has_prompts,
        tip=_text("Go to the slice of this view where the mask is least sure"), group=3),
    Row("find", SEGMENT, _text("&Find structures"), lambda c: c.session.segment_automatically(), enabled=_can_find,
        tip=_text("Let a model that needs no clicks find its structures; each becomes a segment"), group=3),
    Row("models", SEGMENT, _text("&Models…"), lambda c: c.show_models(), group=4,
        tip=_text("Models: download, import a file, check, choose")),

    *(_correction(effect) for effect in EFFECTS),
    Row("accept", CORRECT, _text("&Apply what is shown"), lambda c: c.accept(), "", ("Return", "Enter"), _has_case,
        tip=_text("Apply the correction that is shown, close the outline, or click as suggested"), group=1,
        only_views=True),

    _tool("crosshair", _text("&Crosshair"), ("X", "Ctrl+1"), _text("Crosshair: click or drag to look somewhere")),
    _tool("point", _text("&Point"), ("P", "Ctrl+2"), _text("Point: click on the structure; Ctrl+click excludes")),
    _tool("box", _text("&Box"), ("B", "Ctrl+3"), _text("Box: drag around the structure")),
    _tool("scribble", _text("&Scribble"), ("S", "Ctrl+4"), _text("Scribble: draw inside the structure; Ctrl excludes")),
    _tool("lasso", _text("&Lasso"), ("L", "Ctrl+6"),
          _text("Lasso: draw around the structure on this slice, or click corners; Ctrl excludes")),
    _tool("window", _text("&Window and level"), ("I", "Ctrl+5"),
          _text("Window and level: drag right for more range, up for darker")),
    _tool("brush", _text("B&rush"), ("Shift+B", "Ctrl+7"),
          _text("Brush: left paints, right or Ctrl erases, Shift+wheel sizes"), 2),
    _tool("eraser", _text("&Eraser"), ("Shift+E", "Ctrl+8"),
          _text("Eraser: left erases, right or Ctrl paints, Shift+wheel sizes"), 2),
    _tool("outline", _text("&Outline"), ("Shift+L", "Ctrl+9"),
          _text("Outline: draw around voxels to add, or click corners; right or Ctrl cuts them out"), 2),
    _tool("ruler", _text("R&uler"), ("Shift+M",),
          _text("Ruler: drag from one end to the other; drag an end to move it"), 3),
    _tool("angle", _text("&Angle"), ("Shift+A",), _text("Angle: drag the first leg to its corner, then click"), 3),
    Row("remove-ruler", TOOLS, _text("Remove &newest ruler or angle"), lambda c: c.measuring.remove_ruler(), "",
        ("Shift+Backspace",), lambda c: bool(c.session.view.rulers), group=3),
    Row("remove-rulers", TOOLS, _text("Remove all rulers and an&gles"), lambda c: c.measuring.remove_rulers(), "", (),
        lambda c: bool(c.session.view.rulers), group=3),
    Row("brush-larger", TOOLS, _text("Larger brush"), lambda c: c.size_brush(1), "", ("]", "+"), lambda c: c.draws,
        group=2),
    Row("brush-smaller", TOOLS, _text("Smaller brush"), lambda c: c.size_brush(-1), "", ("[", "-"), lambda c: c.draws,
        group=2),
    Row("include", TOOLS, _text("&Include or exclude"), lambda c: c.toggle_positive(), "include", ("T",), _has_case,
        tip=_text("New prompts include or exclude; hold Ctrl for the other"), group=1),

    Row("fit", VIEW, _text("&Fit"), lambda c: c.views.fit(), "fit", ("Home",), _has_case,
        tip=_text("Fit all views"), only_views=True),
    Row("maximise", VIEW, _text("&One view or four"), lambda c: c.views.toggle_maximised(), "maximise", ("F",),
        _has_case),
    Row("more-opaque", VIEW, _text("Segments more &visible"), lambda c: c.change_opacity(0.1), "", ("D",), _has_case,
        group=1),
    Row("less-opaque", VIEW, _text("Segments more &transparent"), lambda c: c.change_opacity(-0.1), "", ("A",),
        _has_case, group=1),
    Row("auto-window", VIEW, _text("&Automatic window"), lambda c: c.auto_window(), "auto", ("0", "Ctrl+J"), _has_case,
        group=2),
    *(_preset(number) for number in range(len(PRESET_KEYS))),
    _step("slice-up", _text("Slice &up"), ("Up", "PgUp"), 1),
    _step("slice-down", _text("Slice &down"), ("Down", "PgDown"), -1),
    _step("slice-up-5", _text("5 slices up"), ("Shift+Up", "Shift+PgUp"), 5),
    _step("slice-down-5", _text("5 slices down"), ("Shift+Down", "Shift+PgDown"), -5),

    Row("tour", HELP, _text("Volumask in &pictures"), lambda c: c.show_tour(), "info"),
    Row("keys", HELP, _text("&Keys and mouse"), lambda c: c.show_keys(), "keyboard", ("F1", "?")),
    Row("correcting", HELP, _text("&Correcting by hand"), lambda c: c.show_correcting(), "correct"),
    Row("calibration", HELP, _text("How sure is the &uncertainty?"), lambda c: c.show_calibration(), "uncertainty"),
    Row("log", HELP, _text("Show &log"), lambda c: c.show_log()),
    Row("about", HELP, _text("&About Volumask"), lambda c: c.show_about()),
)  # fmt: skip

TOOL_BAR = (
    "open", "save", "", "undo", "redo", "", "crosshair", "point", "box", "scribble", "lasso", "include", "",
    "brush", "window", "",
    "propagate", "uncertainty", "next-click", "", "export-mesh", "export-labels",
)  # fmt: skip
TEXTED = ("next-click", "uncertainty", "propagate", "export-labels", "export-mesh")
"""Buttons with a text, in the order in which they lose it where the window is narrow."""
