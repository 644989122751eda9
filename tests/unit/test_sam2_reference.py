"""Our order of the layers, our memory bank and its codes give what `transformers`' own video session gives.

The session is another implementation of SAM 2's predictor, checked by its authors against the official one. Two of its
ways differ from the official code and are put right here for the comparison: it takes the pointer of a given mask from
the best of three masks instead of from the one mask, and it always rounds memories to bfloat16.
"""

import sys

import numpy as np
import pytest
import torch

from app.engine.backends.torch_backend import TorchBackend
from app.engine.sam2 import tracker
from app.engine.sam2.network import Marks, Network
from app.engine.sam2.picture import resized
from app.engine.sam2.variants import VARIANTS
from app.engine.sam2.video import Video
from app.engine.sam2.weights import Weights, empty_network
from app.geometry import Geometry
from app.volume import Volume
from tests.unit.sam2_official import MINI, official_state

SLICES = 18
GIVEN = {9: (16, 64), 12: (16, 48)}  # rows of the mask; no corners, which the official way through a small mask rounds
ORDER = ((10, 9), (11, 10), *((n, n + 1) for n in range(8, 1, -1)), *((n, n - 1) for n in range(13, 18)))


class Pair:
    """The same weights in our network and in the other implementation, and the same pictures."""

    def __init__(self, folder, network, side):
        variant = MINI if network == "mini" else VARIANTS[network]
        path = folder / "weights.pt"
        state = official_state(network)  # and sure of its object: an absent one is blanked by the other
        state["sam_mask_decoder.pred_obj_score_head.layers.2.bias"] = torch.tensor([5.0])
        torch.save({"model": state}, path)
        weights = Weights(path, variant, side)
        self.other = empty_network(variant, side)
        self.other.load_state_dict(weights.network.state_dict(), strict=True)
        self.side = side
        self.network = Network(weights, TorchBackend("cpu"), side)
        values = np.random.default_rng(0).integers(0, 255, (SLICES, side, side)).astype(np.float32)
        volume = Volume(values, Geometry(values.shape, np.diag([-1.0, -1.0, 4.0, 1.0])))
        self.video = Video(volume, self.network, {})
        known = {}
        self.video.features = lambda axis, n: known.setdefault(  # in full precision, as there
            n, self.network.encode(self.video.pictures.pixels(axis, n))
        )

    def pixels(self, index):
        return torch.from_numpy(self.video.pictures.pixels(0, index))

    def session(self):
        module = sys.modules[type(self.other).__module__]
        name = "EdgeTamVideoInferenceSession" if "EdgeTam" in type(self.other).__name__ else "Sam2VideoInferenceSession"
        frames = torch.stack([self.pixels(n) for n in range(SLICES)])
        return getattr(module, name)(video=frames, video_height=self.side, video_width=self.side, dtype=torch.float32)

    def masks(self):
        made = {n: np.zeros((self.side, self.side), bool) for n in GIVEN}
        for n, (first, last) in GIVEN.items():
            made[n][first:last] = True
        return made


def as_official(network, monkeypatch):
    """The two differences of the other implementation, put right."""
    monkeypatch.setattr(torch, "bfloat16", torch.float32)
    forward = network._single_frame_forward

    def one_mask_for_a_given_one(**arguments):
        if arguments.get("input_masks") is not None and arguments.get("input_points") is None:
            arguments["multimask_output"] = False
        return forward(**arguments)

    monkeypatch.setattr(network, "_single_frame_forward", one_mask_for_a_given_one)


NETWORKS = [
    pytest.param(("mini", 128), id="sam2"),
    pytest.param(("edgetam", 256), id="edgetam", marks=pytest.mark.slow),
]


@pytest.fixture(scope="module", params=NETWORKS)
def pair(request, tmp_path_factory):
    return Pair(tmp_path_factory.mktemp("pair"), *request.param)


def test_slices_are_carried_as_by_the_other_implementation(pair, monkeypatch):
    as_official(pair.other, monkeypatch)
    session = pair.session()
    given = session.obj_id_to_idx(1)
    with torch.inference_mode():
        for n, mask in pair.masks().items():
            session.add_mask_inputs(given, n, torch.from_numpy(mask)[None, None])
            session.obj_with_new_inputs.append(1)
            pair.other(session, frame_idx=n)
        theirs = {n: pair.other(session, frame_idx=n, reverse=n < before) for n, before in ORDER}
    track = tracker.begin(pair.video, 0, pair.masks())
    for n, before in ORDER:
        logits, confidence = tracker.carry(track, n, before)
        expected = resized(theirs[n].pred_masks[0, 0].numpy(), logits.shape)
        assert np.abs(logits - expected).max() < 2e-4, n  # of logits around 8
        assert expected.max() > -32, "an absent object would prove nothing"
        assert 0 < confidence < 1
    assert len(track.bank.tracked) == len(ORDER)
    unremembered = tracker.begin(pair.video, 0, pair.masks())
    assert np.abs(tracker.carry(unremembered, 17, 16)[0] - logits).max() > 1e-2  # the memory counts


@pytest.mark.parametrize("marks", [[(40, 50, 1)], [(40, 50, 1), (20, 90, 0)], [(10, 20, 2), (70, 80, 3), (30, 30, 1)]])
def test_clicks_and_boxes_are_decoded_as_by_the_other_implementation(pair, marks):
    points, labels = [mark[:2] for mark in marks], [mark[2] for mark in marks]
    with torch.inference_mode():
        theirs = pair.other._single_frame_forward(
            pixel_values=pair.pixels(3)[None],
            input_points=torch.tensor([[points]], dtype=torch.float32),
            input_labels=torch.tensor([[labels]]),
            multimask_output=len(marks) == 1,
        )
    features = pair.video.features(0, 3)
    alone = features["coarse"] + pair.network.constants.no_memory
    found = pair.network.decode(features, alone, Marks(np.array(points, np.float32), np.array(labels)), None)
    assert found.score == pytest.approx(float(theirs.object_score_logits), abs=1e-4)
    assert found.quality == pytest.approx(float(theirs.iou_scores.max()), abs=1e-5)
    assert np.abs(found.logits - theirs.pred_masks[0, 0].numpy()).max() < 1e-4
    assert np.abs(found.pointer - theirs.object_pointer.numpy().ravel()).max() < 1e-4


def test_an_earlier_mask_goes_in_as_logits(pair):
    earlier = np.random.default_rng(1).normal(0, 5, (pair.network.low, pair.network.low)).astype(np.float32)
    with torch.inference_mode():
        theirs = pair.other._single_frame_forward(
            pixel_values=pair.pixels(3)[None],
            input_points=torch.tensor([[[[40.0, 50.0]]]]),
            input_labels=torch.tensor([[[1]]]),
            input_masks=torch.from_numpy(earlier)[None, None],
            multimask_output=False,
        )
    features = pair.video.features(0, 3)
    alone = features["coarse"] + pair.network.constants.no_memory
    found = pair.network.decode(features, alone, Marks(np.array([[40, 50]], np.float32), np.array([1])), earlier)
    assert found.quality == pytest.approx(float(theirs.iou_scores.max()), abs=1e-5)
    assert np.abs(found.logits - theirs.pred_masks[0, 0].numpy()).max() < 1e-4
