"""Settings: the pinned engine, the cache folder, and what the environment overrides."""

from pathlib import Path

import pytest

from toolchain.errors import SurroundingsUnsupportedError
from toolchain.settings import PROJECT, SOCKET_PATH_LIMIT, Settings, read_settings


def project(folder: Path, text: str) -> Path:
    """Write a dagger.json into a folder."""
    (folder / "dagger.json").write_text(text)
    return folder


def test_the_pin_is_read_from_dagger_json(tmp_path: Path) -> None:
    """The engine's version is the one in dagger.json, with its leading v."""
    folder = project(tmp_path, '{"engineVersion": "v1.22.333"}')
    assert read_settings({"HOME": "/h"}, folder).engine_version == "v1.22.333"


def test_another_engine_can_be_named(tmp_path: Path) -> None:
    """TOOLCHAIN_ENGINE stands above the pin, which is kept beside it; anything else is refused."""
    folder = project(tmp_path, '{"engineVersion": "v1.22.333"}')
    settings = read_settings({"HOME": "/h", "TOOLCHAIN_ENGINE": "v2.0.0"}, folder)
    assert (settings.engine_version, settings.pinned) == ("v2.0.0", "v1.22.333")
    with pytest.raises(SurroundingsUnsupportedError, match="TOOLCHAIN_ENGINE is 'newest'"):
        read_settings({"HOME": "/h", "TOOLCHAIN_ENGINE": "newest"}, folder)


def test_this_project_pins_an_engine() -> None:
    """The repository's own dagger.json satisfies the rule."""
    assert read_settings({"HOME": "/h"}, PROJECT).engine_version.startswith("v")


@pytest.mark.parametrize(
    "pin", ['""', '"0.19.10"', '"latest"', '"v0.19"', '"v0.19.10\\n"', "0.19", "null"]
)
def test_a_malformed_pin_is_refused(pin: str, tmp_path: Path) -> None:
    """A pin that is no vMAJOR.MINOR.PATCH is shown with the rule and the way out."""
    folder = project(tmp_path, f'{{"engineVersion": {pin}}}')
    with pytest.raises(SurroundingsUnsupportedError, match=r"vMAJOR\.MINOR\.PATCH") as refusal:
        read_settings({"HOME": "/h"}, folder)
    assert str(folder / "dagger.json") in refusal.value.message
    assert "restore dagger.json" in refusal.value.hint


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '"v0.19.10"'])
def test_a_pin_that_is_not_there_is_refused(text: str, tmp_path: Path) -> None:
    """A dagger.json that is no object with a pin is named."""
    folder = project(tmp_path, text)
    with pytest.raises(SurroundingsUnsupportedError, match=r"dagger\.json"):
        read_settings({"HOME": "/h"}, folder)


def test_a_missing_dagger_json_is_named(tmp_path: Path) -> None:
    """A folder without dagger.json leads to an error that names the file."""
    with pytest.raises(SurroundingsUnsupportedError, match=r"dagger\.json cannot be read"):
        read_settings({"HOME": "/h"}, tmp_path)


def test_everything_lies_in_one_folder_of_the_users_cache(tmp_path: Path) -> None:
    """The cache is XDG_CACHE_HOME's, else .cache in HOME, and reading makes no folder."""
    assert read_settings({"HOME": "/h"}).cache == Path("/h/.cache/mnist-pipeline")
    assert read_settings({"HOME": "/h", "XDG_CACHE_HOME": ""}).cache.parent == Path("/h/.cache")
    settings = read_settings({"HOME": "/h", "XDG_CACHE_HOME": str(tmp_path / "c")})
    assert settings.cache == tmp_path / "c" / "mnist-pipeline"
    assert settings.address == f"unix://{tmp_path}/c/mnist-pipeline/run/engine.sock"
    assert not (tmp_path / "c").exists()


def test_a_socket_path_that_no_socket_holds_is_refused() -> None:
    """A cache folder at the limit is taken and one byte more is refused, in bytes and in words."""
    rest = len("/mnist-pipeline/run/engine.sock")
    fits = "/" + "d" * (SOCKET_PATH_LIMIT - rest - 1)
    assert len(str(read_settings({"XDG_CACHE_HOME": fits}).socket)) == SOCKET_PATH_LIMIT
    for longer in (fits + "d", fits[:-1] + "é"):
        with pytest.raises(SurroundingsUnsupportedError, match="107 bytes") as refusal:
            read_settings({"XDG_CACHE_HOME": longer})
        assert "XDG_CACHE_HOME" in refusal.value.hint


def test_the_environment_overrides_mirror_and_vendor() -> None:
    """A mirror, a vendor's site and an engine are taken from the environment."""
    given = {
        "HOME": "/h",
        "TOOLCHAIN_DEBIAN_MIRROR": "http://d",
        "TOOLCHAIN_VENDOR": "http://v",
        "_EXPERIMENTAL_DAGGER_RUNNER_HOST": "tcp://e",
    }
    read = read_settings(given)
    assert (read.debian_mirror, read.vendor, read.runner_host) == (
        "http://d",
        "http://v",
        "tcp://e",
    )


def test_a_folder_is_made_when_it_is_first_used(settings: Settings) -> None:
    """A folder of the cache appears, with those above it, when something asks for it."""
    assert settings.folder("a/b") == settings.cache / "a" / "b"
    assert settings.folder("a/b").is_dir()
