"""Where the organs of an invented torso lie, and how large they are: `draw_all` puts them into a `Draft`.

What is drawn first keeps its place; later organs lie around it. Bones, then vessels, muscles, chest, belly, and bowel
in what is left.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from training.graph.anatomy import Draft, Points, Tissue, chain, place

_LEVEL = 38.0  # millimetres from one vertebra to the next
SIDES = (-1, 1)
"""Right and left."""


def draw_all(draft: Draft) -> None:
    """A whole torso, as far as the block shows it."""
    draw_back(draft, _skeleton)
    for draw in (_thorax, _abdomen, _bowel):
        draw(draft)


def draw_back(draft: Draft, skeleton: Callable[[Draft], None]) -> None:
    """Bones, which `skeleton` draws, and what lies around a spine: trunk, vessels, muscles."""
    for draw in (_trunk, skeleton, _vessels, _muscles):
        draw(draft)


def _trunk(draft: Draft) -> None:
    """Skin, fat under it, the wall of muscle, and fat inside."""
    random = draft.random
    half = place(2000, random.uniform(95, 130), random.uniform(145, 195))
    fat, wall = random.uniform(6, 40), random.uniform(8, 16)
    body = draft.solid(place(0, 0, 0), half, 2.5)
    draft.fill(body, Tissue.FAT)
    draft.keep_to(body)
    if random.random() < 0.8:
        draft.fill(draft.solid(place(0, 0, 0), half - place(0, fat, fat), 2.5), Tissue.MUSCLE)
        draft.fill(draft.solid(place(0, 0, 0), half - place(0, fat + wall, fat + wall), 2.5), Tissue.FAT)


def _skeleton(draft: Draft) -> None:
    random = draft.random
    shift, wave = random.uniform(0, _LEVEL), random.uniform(0, 6)
    for level in range(-4, 7):
        back, left = wave * np.sin(level + np.array([0.0, 1.3]))
        _vertebra(draft, place(level * _LEVEL - shift, 45 + back, left))
    for sign in SIDES:
        _hip(draft, sign)
        for level in range(2, 7):
            rib(draft, level * _LEVEL - shift, sign)


def _vertebra(draft: Draft, at: Points) -> None:
    """Body and processes around the canal, and the disc above."""
    body = draft.solid(at, place(14.5, 16.5, 22.5) * draft.random.uniform(0.9, 1.1, 3), 4.0)
    ring = draft.solid(at + place(0, 27, 0), place(11, 14.5, 15))
    spine = draft.solid(chain(at + place(-3, 38, 0), at + place(-12, 68, 0), steps=10), place(8, 6, 4))
    across = chain(at + place(0, 28, -42), at + place(0, 24, 0), at + place(0, 28, 42))
    joints = draft.solid(at + np.stack([place(8, 32, -17), place(8, 32, 17)]), place(14, 7, 7))
    canal = draft.solid(at + place(0, 25, 0), place(60, 8, 10))
    bone = body | ring | spine | draft.solid(across, place(5, 5, 5)) | joints
    draft.add(bone & ~canal, Tissue.MARROW, gap=1)
    draft.fill(draft.solid(at + place(0, 25, 0), place(_LEVEL / 2, 6, 7), 6.0), Tissue.CORD)
    draft.add(draft.solid(at + place(_LEVEL / 2, 0, 0), place(8, 15.5, 21), 3.0), Tissue.DISC, gap=0)


def _hip(draft: Draft, sign: int) -> None:
    """Femur first, then the pelvis with its socket around the head."""
    head = draft.around(-205, 5, sign * 88, by=5)
    ball = np.full(3, draft.sized(24, 24, 24)[0])
    neck = chain(head, head + place(-20, 2, sign * 38), steps=12)
    end = neck[-1]
    shaft = chain(end, end + place(-60, 0, sign * 2), end + place(-260, -5, -sign * 18), steps=40)
    trochanter = draft.solid(end + place(4, 4, sign * 2), draft.sized(24, 18, 16))
    femur = draft.solid(head, ball) | draft.solid(neck, place(15, 15, 15)) | trochanter
    draft.add(femur | draft.solid(shaft, place(15, 14, 14)), Tissue.MARROW, gap=1)
    socket = draft.solid(head, ball + 11) & ~draft.solid(head, ball + 4)
    socket &= ~draft.solid(head + place(-22, -6, sign * 26), ball + 16)
    ilium = chain(
        *(head + place(*p) for p in ((22, 12, -sign * 6), (70, 30, sign * 10), (110, 20, sign * 28))), steps=16
    )
    pubis = chain(head + place(-10, -30, -sign * 25), head + place(-25, -40, -sign * 80), steps=14)
    ischium = chain(head + place(-15, 25, -sign * 12), head + place(-60, 35, -sign * 25), steps=12)
    pelvis = socket | draft.solid(ilium, place(18, 42, 7.5)) | draft.solid(pubis, place(9, 9, 9))
    draft.add(pelvis | draft.solid(ischium, place(14, 14, 14)), Tissue.MARROW, gap=1)


def rib(draft: Draft, up: float, sign: int) -> None:
    """An arc that falls towards the front."""
    turn = np.linspace(0.15, 2.2, 60)
    arc = np.stack([up - 22 * turn, 40 + 55 * np.cos(turn) - 20, sign * (18 + 118 * np.sin(turn))], 1)
    draft.add(draft.solid(arc, place(7, 5, 5)), Tissue.MARROW, gap=1)


def _vessels(draft: Draft) -> None:
    """Aorta and inferior vena cava with what leaves and joins them."""
    random = draft.random
    split = draft.around(-75, 20, 5)
    wide = random.uniform(8, 15)
    aorta = draft.solid(chain(place(240, 30, 18), place(90, 22, 14), split, steps=110), np.full(3, wide))
    joined = draft.around(-95, 24, -10)
    broad = draft.sized(12, 9, 13)
    cava = draft.solid(chain(place(150, -2, -22), place(60, 12, -24), joined, steps=100), broad)
    for sign in SIDES:
        way = place(-100, 10, sign * 80)
        artery = chain(split, split + way * 0.5, split + way, steps=50)
        vein = chain(joined, joined + way * 0.5 + place(0, 10, 0), joined + way + place(0, 14, 0), steps=50)
        aorta |= draft.solid(artery, np.full(3, wide * 0.6))
        cava |= draft.solid(vein, np.full(3, broad[1] * 0.8))
    if random.random() < 0.5:
        for to in ((35, 20, 60), (35, 20, -60), (60, -45, 5), (30, -40, 4)):
            aorta |= draft.solid(chain(place(40, 20, 12), place(*to), steps=30), place(3, 3, 3))
    draft.add(aorta, Tissue.ARTERY)
    draft.add(cava, Tissue.VEIN)


def _muscles(draft: Draft) -> None:
    for sign in SIDES:
        _iliopsoas(draft, sign)
        back = chain(place(260, 78, sign * 32), place(0, 84, sign * 36), place(-150, 92, sign * 24), steps=70)
        draft.add(draft.solid(back, draft.sized(14, 20, 29)), Tissue.MUSCLE)
        draft.add(draft.solid(draft.around(0, 62, sign * 70), draft.sized(60, 12, 18)), Tissue.MUSCLE)
        for turn in np.arange(5) * 2 * np.pi / 5 + draft.random.uniform(0, 1):
            across = 30 * place(0, np.cos(turn), np.sin(turn))
            thigh = chain(place(-195, 0, sign * 122) + across, place(-440, 0, sign * 105) + across, steps=40)
            draft.add(draft.solid(thigh, draft.sized(24, 18, 18)), Tissue.MUSCLE)
        _gluteal(draft, sign)


def _iliopsoas(draft: Draft, sign: int) -> None:
    thick = draft.sized(14, 20, 18)
    way = chain(*(place(*p) for p in ((35, 42, sign * 28), (-60, 38, sign * 46), (-150, 0, sign * 75))), steps=40)
    growing = np.linspace(0.5, 1.1, 40)[:, None]
    low = chain(way[-1], way[-1] + place(-70, 5, sign * 10), steps=16)
    iliacus = draft.solid(draft.around(-120, 20, sign * 92), draft.sized(45, 26, 10))
    psoas = draft.solid(way, thick * growing) | draft.solid(low, thick * 0.8)
    draft.add(psoas | iliacus if draft.random.random() < 0.7 else psoas, Tissue.MUSCLE)


def _gluteal(draft: Draft, sign: int) -> None:
    """The three muscles of the buttock, the outermost first."""
    halves = ((62, 24, 58), (50, 22, 45), (40, 16, 34))
    for half, at in zip(halves, ((-175, 88, 75), (-130, 62, 110), (-130, 45, 112)), strict=True):
        up, back, left = at
        draft.add(draft.solid(draft.around(up, back, sign * left), draft.sized(*half)), Tissue.MUSCLE)


def _thorax(draft: Draft) -> None:
    """Heart, and lungs over the domes of the diaphragm."""
    heart = draft.add(draft.solid(draft.around(165, -35, 30), draft.sized(45, 40, 50)), Tissue.HEART)
    draft.within(heart, draft.solid(draft.around(165, -30, 40), draft.sized(28, 20, 25)), Tissue.ARTERY)
    for sign in SIDES:
        dome = draft.solid(draft.around(75, -5, sign * 75), draft.sized(70, 95, 75))
        lung = draft.solid(draft.around(200, 5, sign * 85), draft.sized(130, 88, 62), 2.5) & ~dome
        added = draft.add(lung, Tissue.LUNG, gap=0)
        for _ in range(6):
            far = place(200, 5, sign * 85) + draft.random.normal(0, 45, 3)
            vessel = draft.solid(chain(place(180, 10, sign * 40), far, steps=30), place(2.5, 2.5, 2.5))
            draft.within(added, vessel, Tissue.VEIN)


def _abdomen(draft: Draft) -> None:
    for sign in SIDES:
        _kidney(draft, sign)
    draft.add(draft.solid(draft.around(40, -45, -45), draft.sized(26, 15, 15)), Tissue.BILE)
    _liver(draft)
    draft.add(draft.solid(draft.around(80, 35, 105), draft.sized(48, 36, 24)), Tissue.SPLEEN)
    what = Tissue(draft.random.choice([Tissue.CONTENT, Tissue.GAS, Tissue.URINE]))
    stomach = chain(draft.around(105, -5, 75), draft.around(70, -40, 60), draft.around(40, -55, 5), steps=20)
    narrower = np.linspace(1, 0.45, 20)[:, None]
    draft.hollow(stomach, narrower * draft.sized(36, 34, 34), draft.random.uniform(3, 6), what)
    pancreas = chain(draft.around(30, -15, -35), draft.around(48, -22, 15), draft.around(65, 10, 80), steps=24)
    draft.add(draft.solid(pancreas, draft.sized(13, 10, 10)), Tissue.PANCREAS)
    bladder = draft.around(-200, -25, 0)
    draft.hollow(bladder, draft.sized(34, 32, 40), draft.random.uniform(2, 6), Tissue.URINE)
    draft.add(draft.solid(draft.around(-245, 0, 0), draft.sized(18, 17, 22)), Tissue.PANCREAS)  # as grey: a prostate


def _kidney(draft: Draft, sign: int) -> None:
    """With fat, sometimes water, where its vessels enter, and the adrenal gland above."""
    at, size = draft.around(20, 32, sign * 66), draft.sized(52, 25, 27)
    kidney = draft.add(draft.solid(at, size), Tissue.KIDNEY)
    draft.within(kidney, draft.solid(at - place(0, 4, sign * 14), size * place(0.55, 0.45, 0.5)), Tissue.FAT)
    if draft.random.random() < 0.5:
        draft.within(kidney, draft.solid(at - place(0, 2, sign * 8), size * place(0.4, 0.3, 0.3)), Tissue.URINE)
    gland = chain(at + place(62, -4, -sign * 20), at + place(50, 2, -sign * 8), steps=8)
    draft.add(draft.solid(gland, place(8, 4, 5)), Tissue.PANCREAS)


def _liver(draft: Draft) -> None:
    """Two lobes, and vessels in them."""
    lobes = np.stack([draft.around(75, 0, -78), draft.around(85, -35, -25, by=15)])
    halves = np.stack([draft.sized(72, 78, 70), draft.sized(38, 38, 65)])
    liver = draft.add(draft.solid(lobes, halves), Tissue.LIVER)
    for _ in range(5):
        way = chain(place(75, -5, -30), draft.around(80, -5, -85, by=60), steps=30)
        draft.within(liver, draft.solid(way, np.full(3, draft.random.uniform(2, 5))), Tissue.VEIN)


def _bowel(draft: Draft) -> None:
    """Loops that wind through what is left of the belly, the larger ones first."""
    random = draft.random
    for number in range(int(random.integers(6, 28))):
        wide = random.uniform(15, 26) if number < 4 else random.uniform(8, 15)
        at = np.array([random.uniform(-190, 60), random.uniform(-85, 20), random.uniform(-115, 115)])
        turns = np.cumsum(random.normal(0, 0.35, (40, 3)), axis=0) + random.normal(0, 1, 3)
        way = at + np.cumsum(turns / np.linalg.norm(turns, axis=1, keepdims=True) * wide * 0.35, axis=0)
        content = Tissue(random.choice([Tissue.CONTENT, Tissue.GAS, Tissue.URINE, Tissue.WALL]))
        draft.hollow(way, np.full(3, wide), random.uniform(1.5, 4), content)
