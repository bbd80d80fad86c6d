"""Which parameters a training takes, and which it refuses."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from mnist_backend.errors import ConfigurationError
from mnist_backend.training.parameters import Parameters, changes, configured

CONF = Path(__file__).parents[1] / "conf/base"


def defaults() -> dict[str, Any]:
    """Return what stands in the project's own configuration."""
    found = OmegaConf.to_container(OmegaConf.load(CONF / "parameters.yml"))
    assert isinstance(found, dict)
    return {str(name): value for name, value in found.items()}


def test_the_configuration_names_every_parameter() -> None:
    """What is committed is complete and accepted, and the embedded digits are the default."""
    assert list(defaults()) == list(Parameters.model_fields)
    assert configured(defaults()).source == "digits"


def test_a_parameter_changes_alone() -> None:
    """Two epochs more and another rate are a parameter, not a change of code."""
    before = configured(defaults())
    after = configured(defaults() | changes("epochs=26, peak_rate=2e-3,source=mnist"))
    assert after == before.model_copy(update={"epochs": 26, "peak_rate": 2e-3, "source": "mnist"})
    assert configured(defaults() | changes("")) == configured(defaults() | changes(",")) == before


def test_mirrors_on_a_command_line_are_parted_by_blanks() -> None:
    """A list has no commas there, for those part the parameters."""
    found = configured(defaults() | changes("mirrors=https://a.example/x http://b.example/,seed=1"))
    assert found.mirrors == ("https://a.example/x", "http://b.example/")
    assert found.seed == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seeds=1", "seeds: there is no such parameter"),
        ("epochs=many", "epochs=many: Input should be a valid integer"),
        ("epochs=2.5", "epochs=2.5: Input should be a valid integer"),
        ("epochs=0", "epochs=0: Input should be greater than or equal to 1"),
        ("epochs=", "epochs=: Input should be a valid integer"),
        ("peak_rate=nan", "peak_rate=nan: Input should be greater than 0"),
        ("source=letters", "source=letters: Input should be 'digits' or 'mnist'"),
        ("mirrors=ftp://a.example", "mirrors=ftp://a.example: String should match"),
        ("cache=", "cache=: String should have at least 1 character"),
        ("epochs=x,seeds=1", "epochs=x: .*; seeds: there is no such parameter"),
    ],
)
def test_a_wrong_parameter_is_refused(text: str, told: str) -> None:
    """The message names it, its value and the rule, and lists all that there are."""
    with pytest.raises(ConfigurationError, match=f"^{told}.*; parameters are source, seed, epochs"):
        configured(defaults() | changes(text))


@pytest.mark.parametrize("text", ["epochs", "=3", "epochs=2;seed", "epochs=2,seed"])
def test_what_is_no_change_is_refused(text: str) -> None:
    """A name without a value, or a value without a name, is told with the list of names."""
    with pytest.raises(ConfigurationError, match=r"parameters are source, seed"):
        configured(defaults() | changes(text))


def test_a_truth_value_is_no_number() -> None:
    """YAML's yes is not taken for one epoch."""
    with pytest.raises(ConfigurationError, match="epochs=True: Value error, should be a number"):
        configured(defaults() | {"epochs": True})


def test_a_missing_parameter_is_named() -> None:
    """A configuration with a gap is refused, not filled with something else."""
    with pytest.raises(ConfigurationError, match=r"^batch: is missing"):
        configured({name: value for name, value in defaults().items() if name != "batch"})


def test_the_card_is_told_numbers_alone() -> None:
    """Folders and addresses of one machine do not make another model."""
    told = configured(defaults()).numbers()
    assert {"seed", "epochs", "batch", "peak_rate", "drawings_each"} <= set(told)
    assert not {"source", "cache", "mirrors", "output", "reports"} & set(told)
