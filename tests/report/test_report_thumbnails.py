"""Pictures of samples: which file a name means, and what becomes of files that are none."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from taxoloss.report.thumbnails import Thumbnails


def picture(path: Path, colour: str = "red", size: tuple[int, int] = (300, 200), mode: str = "RGB") -> None:
    """Writes a picture of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGBA", size, colour).convert(mode).save(path)


def shown(uri: str) -> Image.Image:
    """The picture in a data URI."""
    kind, _, content = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


@pytest.mark.parametrize("name", ["a/one.png", "a\\one.png", "one.png", "one", "elsewhere/one.png"])
def test_a_name_finds_its_file(tmp_path: Path, name: str) -> None:
    """By its path below the folder, or by its last part where one file alone has it."""
    picture(tmp_path / "a" / "one.png")
    found = Thumbnails(tmp_path)
    assert found.take([name, name], 10) == [0, 0]
    image = shown(found.images[0])
    assert max(image.size) == 96
    assert image.size == (96, 64)
    red, green, blue = image.convert("RGB").resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
    assert red > 200 > 60 > max(green, blue)
    assert found.told() == []


def test_two_files_of_one_name_are_none(tmp_path: Path) -> None:
    """A picture that may be the wrong one is not shown, and that is said."""
    picture(tmp_path / "a" / "one.png")
    picture(tmp_path / "b" / "one.png", "blue")
    found = Thumbnails(tmp_path)
    assert found.take(["one.png", "b/one.png", "two.png", "three.png"], 10) == [None, 0, None, None]
    missing, several = found.told()
    assert "has several files" in several
    assert "'one.png'" in several or "`one.png`" in several
    assert missing.startswith("2 samples have no file")


@pytest.mark.parametrize(
    "name", ["../secret.png", "/etc/passwd", "a/../../secret.png", "", ".", "x\0y", "n" * 5000]
)
def test_a_name_never_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    """Nor is a name that no file can have an error."""
    picture(tmp_path / "secret.png")
    picture(tmp_path / "pictures" / "a" / "one.png")
    found = Thumbnails(tmp_path / "pictures")
    assert found.take([name], 10) == [None]
    assert found.images == []


def test_links_in_the_folder_are_followed(tmp_path: Path) -> None:
    """Folders of data are often full of links: who owns the folder made them."""
    picture(tmp_path / "elsewhere" / "000017.png")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "one.png").symlink_to(tmp_path / "elsewhere" / "000017.png")
    assert Thumbnails(tmp_path / "pictures").take(["one.png"], 10) == [0]


def test_files_that_are_no_pictures_are_told(tmp_path: Path) -> None:
    """Text, half a picture, nothing: no page fails for them."""
    picture(tmp_path / "whole.jpg", size=(900, 900))
    content = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    found = Thumbnails(tmp_path)
    assert found.take(["half.jpg", "text.jpg", "empty.jpg", "whole.jpg"], 10) == [None, None, None, 0]
    (told,) = found.told()
    assert told.startswith("3 pictures cannot be read")
    assert "half.jpg" in told


def test_a_picture_too_large_to_be_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Pillow takes for an attack."""
    picture(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    found = Thumbnails(tmp_path)
    assert found.take(["large.png"], 10) == [None]
    assert "DecompressionBomb" in found.told()[0]


@pytest.mark.parametrize("mode", ["L", "P", "LA", "RGBA", "CMYK", "1", "I;16", "I", "F"])
def test_any_mode_is_shown(tmp_path: Path, mode: str) -> None:
    """Grey, of a palette, with transparency, of print, of sixteen bits."""
    path = tmp_path / ("one.tif" if mode in ("CMYK", "F", "I") else "one.png")
    if mode == "I;16":
        Image.new("I;16", (50, 40), 30000).save(path)
    else:
        picture(path, mode=mode)
    found = Thumbnails(tmp_path)
    assert found.take([path.name], 1) == [0], found.told()
    assert shown(found.images[0]).mode in ("RGB", "L")


@pytest.mark.parametrize("top", [1, 200, 4095, 65535])
@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_many_greys_are_stretched(tmp_path: Path, mode: str, top: int) -> None:
    """Of twelve bits or sixteen: the darkest is black, the lightest white."""
    greys = np.linspace(0, top, 3).round().repeat(32)[None, :].repeat(96, 0)
    kind = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
    Image.fromarray(greys.astype(kind)).save(tmp_path / "one.tif")
    found = Thumbnails(tmp_path)
    assert found.take(["one.tif"], 1) == [0], found.told()
    image = shown(found.images[0]).convert("L")
    seen = [int(image.getpixel((x, 40))) for x in (16, 80)]  # type: ignore[arg-type]
    assert seen == [pytest.approx(0, abs=3), pytest.approx(255, abs=3)]


def test_a_pipe_is_no_picture(tmp_path: Path) -> None:
    """Nobody waits for what nobody writes; its name finds nothing, with its ending or without."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no named pipes")
    os.mkfifo(tmp_path / "one.png")
    found = Thumbnails(tmp_path)
    assert found.take(["one.png", "one"], 2) == [None, None]
    assert found.told()[0].startswith("2 samples have no file")


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    """Not black, as JPEG would have it."""
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(tmp_path / "one.png")
    found = Thumbnails(tmp_path)
    found.take(["one.png"], 1)
    assert shown(found.images[0]).convert("L").getextrema() == (255, 255)


def test_a_photograph_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    """By the orientation that EXIF states."""
    image = Image.new("RGB", (200, 100), "red")
    exif = image.getexif()
    exif[0x0112] = 6  # a quarter turn
    image.save(tmp_path / "one.jpg", exif=exif)
    found = Thumbnails(tmp_path)
    found.take(["one.jpg"], 1)
    assert shown(found.images[0]).size == (48, 96)


def test_at_most_so_many(tmp_path: Path) -> None:
    """The first ones; a name that came before needs no further picture."""
    for name in "abc":
        picture(tmp_path / f"{name}.png")
    found = Thumbnails(tmp_path)
    assert found.take(["a", "b", "a", "c"], 2) == [0, 1, 0, None]
    assert len(found.images) == 2


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(NotADirectoryError, match="nothing-here"):
        Thumbnails(tmp_path / "nothing-here")
