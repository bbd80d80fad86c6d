"""What the engine's Go cache begins with."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from toolchain.programs import sdk_build_cache
from toolchain.settings import Settings

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
