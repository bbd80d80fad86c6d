"""Arguments are read, or refused with their name and the rule."""

import pytest

from mnist_deploy import arguments
from mnist_deploy.__main__ import main
from mnist_deploy.errors import UsageInvalidError


@pytest.mark.parametrize("text", ["1:60,10:30,100:120", "1:60;10:30;100:120"])
def test_steps_are_percent_and_seconds(text: str) -> None:
    """Commas and semicolons part them."""
    assert arguments.steps(text) == ((1, 60.0), (10, 30.0), (100, 120.0))


@pytest.mark.parametrize("text", ["", "1:60", "10:1,1:1,100:1", "0:1,100:1", "1:0,100:1", "a:b"])
def test_steps_that_do_not_lead_to_all_are_refused(text: str) -> None:
    """They grow from 1 at least to 100, and each lasts."""
    with pytest.raises(UsageInvalidError, match="--steps"):
        arguments.steps(text)


@pytest.mark.parametrize("pair", ["backend", "=x", "backend="])
def test_an_image_is_a_name_and_a_reference(pair: str) -> None:
    """Half a pair is refused."""
    with pytest.raises(UsageInvalidError, match="NAME=REFERENCE"):
        arguments.given([pair])


@pytest.mark.parametrize("host", ["nobody", "", "false"])
def test_a_wrong_argument_ends_with_2(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the argument and the form that it must have."""
    where = ["--environment", "staging", "--key", "k", "--known-hosts", "h"]
    assert main(["status", "--host", host, *where]) == 2
    assert f"--host {host!r} is not user@host" in capsys.readouterr().err


def test_a_missing_key_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there is named before anything is reached."""
    where = ["--environment", "staging", "--key", "/no/key", "--known-hosts", "/no/hosts"]
    assert main(["status", "--host", "me@here", *where]) == 2
    assert "--key /no/key" in capsys.readouterr().err
