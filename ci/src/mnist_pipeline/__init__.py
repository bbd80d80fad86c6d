"""Pipeline of a digit recogniser: the same command builds, checks and shows it anywhere.

`dagger call test` runs every stage and prints a table; `dagger call up up` serves the page on
http://localhost:8501; `dagger call report export --path evidence` keeps the evidence. Add
`--source DIRECTORY-OR-GIT-ADDRESS` after `dagger call` to work on another tree.
"""


def __getattr__(name: str) -> object:
    """Finds the main object when Dagger asks for it; the gates are importable without Dagger."""
    if name == "MnistPipeline":
        from mnist_pipeline.main import MnistPipeline  # noqa: PLC0415  see above

        return MnistPipeline
    raise AttributeError(name)
