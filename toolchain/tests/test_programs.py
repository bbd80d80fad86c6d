"""What the engine's Go cache begins with, and what is compiled in place of a source."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from toolchain.programs import redrawn_less, sdk_build_cache
from toolchain.settings import Settings
from toolchain.steps import CommandError

WANTED, OTHER = "aa11", "bb22"


def test_the_cache_of_an_sdk_is_the_part_it_needs(
    settings: Settings, program: Callable[[str, str], Path]
) -> None:
    """Contents of the listed packages and the notes that lead to them are taken, nothing else."""
    build = settings.cache / "go" / "build"
    for content in (WANTED, OTHER):
        folder = build / content[:2]
        folder.mkdir(parents=True)
        (folder / f"{content}-d").write_text("compiled")
        (folder / f"{content}99-a").write_text(f"v1 {content}99 {content} 8 1\n")
    fake = program("go", f"echo; echo {build}/aa/{WANTED}-d")
    found = sdk_build_cache(replace(settings, environment={"PATH": str(fake.parent)}))
    assert found == {
        f"aa/{WANTED}-d": build / "aa" / f"{WANTED}-d",
        f"aa/{WANTED}99-a": build / "aa" / f"{WANTED}99-a",
    }


def test_only_the_clock_of_the_progress_is_changed() -> None:
    """All else of the client's source stays; a source without that clock is not guessed at."""
    source = "a\n\t\tticker: time.NewTicker(50 * time.Millisecond),\nb\n"
    assert redrawn_less(source) == source.replace("50", "500")
    with pytest.raises(CommandError, match="see how this Dagger's client redraws"):
        redrawn_less("ticker: time.NewTicker(80 * time.Millisecond)")
