"""Weights come into the user's folder whole and checked, by download or import, and stay so or are told."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.engine import registry
from app.engine.protocol import Token
from app.engine.weights import store
from app.engine.weights.file_lock import file_lock
from app.engine.weights.recognition import Undecided
from app.engine.weights.record import read_record
from app.engine.weights.sums import sums
from app.errors import AppError, BadInput, Cancelled, MissingModel
from tests.unit.file_server import serving
from tests.unit.zoo import Zoo, make_zoo, sha256, weights


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Zoo]:
    with serving() as server:
        yield make_zoo(tmp_path, monkeypatch, server)


def silent(_: float, __: str) -> None:
    pass


def download(model: str) -> Path:
    return store.download(registry.card(model), silent, Token())


def take(path: Path, as_model: str = "") -> str:
    return store.import_file(path, silent, Token(), as_model).id


def put(tmp_path: Path, content: bytes, name: str = "some.pth") -> Path:
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


# Download


def test_a_downloaded_model_is_installed(zoo: Zoo) -> None:
    zoo.server.does.content = content = weights()
    card = zoo.add("small", sha256=sha256(content))
    assert not registry.installed(card)
    path = download("small")
    assert path == zoo.user / "small" / "small.pth"
    assert path.read_bytes() == content
    assert registry.installed(card)
    assert registry.resolve("small").id == "small"
    record = read_record(path.parent)
    assert record is not None
    assert (record.sha256, record.size, record.source) == (sha256(content), len(content), zoo.server.url)
    assert {file.name for file in path.parent.iterdir()} == {"small.pth", "installed.json", "writing.lock"}


def test_a_model_that_shares_anothers_file_comes_and_is_checked_with_it(zoo: Zoo, tmp_path: Path) -> None:
    zoo.server.does.content = content = weights()
    zoo.add("small", sha256=sha256(content))
    (zoo.folder / "small_fast").mkdir()
    (zoo.folder / "small_fast" / "card.toml").write_text('name = "Small, fast"\nweights_of = "small"\n')
    fast = registry.card("small_fast")
    assert download("small_fast") == zoo.user / "small" / "small.pth" == registry.weights_path(fast)
    assert registry.installed(fast)
    assert registry.resolve("small_fast").id == "small_fast"
    assert store.verify(fast, silent, Token()).model == "small"
    assert take(put(tmp_path, content)) == "small"  # no question which of the two
    assert take(put(tmp_path, content), "small_fast") == "small"


def test_a_wrong_sum_installs_nothing_and_keeps_nothing(zoo: Zoo) -> None:
    zoo.server.does.content = weights(seed=1)
    card = zoo.add("small", sha256=sha256(weights(seed=2)))
    with pytest.raises(BadInput, match=r"small\.pth is not the file that the authors of Small published"):
        download("small")
    assert not registry.installed(card)
    assert {file.name for file in (zoo.user / "small").iterdir()} == {"writing.lock"}


def test_gits_own_sum_is_checked_where_it_is_the_only_one(zoo: Zoo, tmp_path: Path) -> None:
    content = weights()
    blob = sums(put(tmp_path, content), silent, Token()).git_blob
    zoo.add("good", git_blob=blob)
    zoo.server.does.content = content
    assert download("good").read_bytes() == content
    zoo.add("bad", git_blob=blob)
    zoo.server.does.content = weights(seed=3)
    with pytest.raises(BadInput, match="its checksum differs"):
        download("bad")


def test_gits_sum_is_that_of_git(tmp_path: Path) -> None:
    found = sums(put(tmp_path, b"hello\n"), silent, Token())
    assert found.git_blob == "ce013625030ba8dba906f756967f9e9ca394464a"  # git hash-object
    assert found.sha256 == "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"


def test_without_a_published_sum_the_first_is_kept_and_held_against_later_ones(zoo: Zoo) -> None:
    zoo.server.does.content = content = weights()
    zoo.add("small")
    path = download("small")
    path.unlink()
    zoo.server.does.content = weights(seed=5)
    with pytest.raises(BadInput, match=r"small\.pth is not the file that came on \d{4}-\d\d-\d\d"):
        download("small")
    assert not path.exists()
    zoo.server.does.content = content
    assert download("small").read_bytes() == content


@pytest.mark.parametrize("content", [weights(width=5), b"<?xml version='1.0'?> not found", weights()[:700]])
def test_what_is_no_checkpoint_of_the_model_is_not_installed(zoo: Zoo, content: bytes) -> None:
    zoo.server.does.content = content
    card = zoo.add("small")
    with pytest.raises(BadInput, match=r"small\.pth"):
        download("small")
    assert not registry.installed(card)
    assert read_record(zoo.user / "small") is None


def test_a_broken_download_goes_on_and_is_checked_as_a_whole(zoo: Zoo) -> None:
    zoo.server.does.content = content = weights()
    zoo.server.does.drops = [500, 0, 0, 0, 0, 0]
    zoo.add("small", sha256=sha256(content))
    with pytest.raises(AppError, match="broke"):
        download("small")
    assert (zoo.user / "small" / "small.pth.part").stat().st_size == 500
    assert download("small").read_bytes() == content
    assert zoo.server.ranges_asked[-1] == "bytes=500-"


def test_a_cancelled_check_installs_nothing_and_keeps_the_file(zoo: Zoo) -> None:
    zoo.server.does.content = weights()
    card, token = zoo.add("small"), Token()

    def cancel_while_checking(_: float, what: str) -> None:
        if what.startswith("Checking"):
            token.cancel()

    with pytest.raises(Cancelled):
        store.download(card, cancel_while_checking, token)
    assert not registry.installed(card)
    assert (zoo.user / "small" / "small.pth.part").read_bytes() == weights()
    download("small")
    assert registry.installed(card)


def test_one_download_of_a_model_at_a_time(zoo: Zoo) -> None:
    zoo.server.does.content = weights()
    zoo.add("small")
    (zoo.user / "small").mkdir(parents=True)
    with (
        file_lock(zoo.user / "small" / "writing.lock", "taken"),
        pytest.raises(AppError, match="Small is being downloaded or imported already"),
    ):
        download("small")
    assert download("small").exists()


def test_a_model_without_an_address_says_what_to_do(zoo: Zoo) -> None:
    zoo.add("own", url="")
    with pytest.raises(MissingModel, match=r"no address .* Put own\.pth into a folder own"):
        download("own")


def test_missing_weights_name_the_download(zoo: Zoo) -> None:
    zoo.add("small", size=375_000_000)
    with pytest.raises(MissingModel, match=r"weights of Small are not .* \(375 MB\).* volumask models download small"):
        registry.resolve("small")


def test_a_file_in_use_is_one_sentence(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    zoo.server.does.content = weights()
    zoo.add("small")
    replace = Path.replace

    def in_use(self: Path, target: Path) -> Path:
        if self.name.endswith(".part"):
            raise PermissionError(13, "The process cannot access the file")
        return replace(self, target)

    with monkeypatch.context() as windows:
        windows.setattr(Path, "replace", in_use)
        with pytest.raises(AppError, match=r"could not be written: The process cannot access.*Choose another model"):
            download("small")
    assert download("small").read_bytes() == weights()


# Import


def test_an_imported_file_is_recognised_by_its_parameters(zoo: Zoo, tmp_path: Path) -> None:
    zoo.add("four", width=4)
    zoo.add("five", width=5)
    assert take(put(tmp_path, weights(width=5))) == "five"
    assert (zoo.user / "five" / "five.pth").read_bytes() == weights(width=5)
    assert not registry.installed(registry.card("four"))


def test_of_two_depths_the_one_with_all_its_blocks_is_meant(zoo: Zoo, tmp_path: Path) -> None:
    zoo.add("shallow", tensors=2)
    zoo.add("deep", tensors=6)
    assert take(put(tmp_path, weights(extra=4))) == "deep"
    assert take(put(tmp_path, weights())) == "shallow"


def test_twins_are_told_by_the_published_sum(zoo: Zoo, tmp_path: Path) -> None:
    zoo.add("plain", sha256=sha256(weights(seed=1)))
    zoo.add("tuned")
    assert take(put(tmp_path, weights(seed=1), "tuned.pth")) == "plain"


def test_twins_are_told_by_the_name_else_the_user_says(zoo: Zoo, tmp_path: Path) -> None:
    zoo.add("plain", sha256=sha256(weights(seed=1)))
    zoo.add("tuned")
    assert take(put(tmp_path, weights(seed=2), "Tuned.pth")) == "tuned"
    unnamed = put(tmp_path, weights(seed=2), "best.pth")
    with pytest.raises(Undecided, match=r"fits Plain and Tuned alike.*--as plain or --as tuned") as told:
        take(unnamed)
    assert set(told.value.candidates) == {"plain", "tuned"}
    assert take(unnamed, "tuned") == "tuned"


def test_another_file_than_the_published_needs_the_users_word(zoo: Zoo, tmp_path: Path) -> None:
    card = zoo.add("small", sha256=sha256(weights(seed=1)))
    own = put(tmp_path, weights(seed=2))
    with pytest.raises(Undecided, match="not the file that its authors published") as told:
        take(own)
    assert told.value.candidates == ("small",)
    assert not registry.installed(card)
    assert take(own, "small") == "small"
    verdict = store.verify(card, silent, Token())
    assert (verdict.known, verdict.problem) == ("first seen", "")


def test_unknown_and_wrong_networks_are_refused(zoo: Zoo, tmp_path: Path) -> None:
    zoo.add("four", width=4)
    with pytest.raises(BadInput, match=r"some\.pth holds 2 tensors of a network that Volumask does not know"):
        take(put(tmp_path, weights(width=9)))
    with pytest.raises(BadInput, match=r"some\.pth does not hold the parameters of Four"):
        take(put(tmp_path, weights(width=9)), "four")
    with pytest.raises(MissingModel, match="no model called 'nine'"):
        take(put(tmp_path, weights(width=9)), "nine")
    assert not zoo.user.exists()


def test_a_full_disk_is_told_and_leaves_the_old_file(zoo: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zoo.add("small")
    take(put(tmp_path, weights(seed=1)))
    new = put(tmp_path, weights(seed=2))

    class Usage:
        free = 100

    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _: Usage)
        with pytest.raises(AppError, match="too full"):
            take(new)
    opened = Path.open

    def failing(self: Path, mode: str = "r", **rest: object) -> object:
        if mode == "wb" and self.parent == zoo.user / "small":
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(self, mode, **rest)

    with monkeypatch.context() as full:
        full.setattr(Path, "open", failing)
        with pytest.raises(AppError, match=r"small\.pth could not be written: No space left"):
            take(new)
    assert (zoo.user / "small" / "small.pth").read_bytes() == weights(seed=1)
    assert store.verify(registry.card("small"), silent, Token()).problem == ""


def test_a_file_already_in_its_place_is_taken_as_it_is(zoo: Zoo) -> None:
    card = zoo.add("small")
    (zoo.user / "small").mkdir(parents=True)
    path = put(zoo.user / "small", weights(), "small.pth")
    assert store.verify(card, silent, Token()).known == ""
    take(path)
    assert store.verify(card, silent, Token()).known == "first seen"


# Verify


def test_a_changed_file_is_told(zoo: Zoo) -> None:
    zoo.server.does.content = weights()
    card = zoo.add("small")
    path = download("small")
    assert store.verify(card, silent, Token()).problem == ""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert "its checksum has changed" in store.verify(card, silent, Token()).problem


def test_a_changed_published_file_is_told(zoo: Zoo) -> None:
    zoo.server.does.content = weights()
    card = zoo.add("small", sha256=sha256(weights()))
    path = download("small")
    assert store.verify(card, silent, Token()).known == "published"
    path.write_bytes(weights(seed=8))
    assert "its checksum differs" in store.verify(card, silent, Token()).problem


def test_foreign_parameters_are_told_without_any_sum(zoo: Zoo) -> None:
    card = zoo.add("small")
    (zoo.folder / "small" / "small.pth").write_bytes(weights(width=9))
    verdict = store.verify(card, silent, Token())
    assert (verdict.known, verdict.problem) == ("", "small.pth does not hold the parameters of Small.")


def test_what_is_not_here_cannot_be_verified(zoo: Zoo) -> None:
    with pytest.raises(MissingModel, match="not on this machine"):
        store.verify(zoo.add("small"), silent, Token())
