"""What Docker Compose itself makes of the files, for each environment."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnist_deploy.release import findings

COMPOSE = Path(__file__).resolve().parents[1] / "compose"
EDGE = COMPOSE.parent / "edge"
Render = Callable[..., dict[str, Any]]
Tool = Callable[[str], str]


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_every_service_is_hardened(render: Render, environment: str) -> None:
    """Whatever runs outside of dev has no finding."""
    assert findings(render(environment)) == []


def test_compose_lint_has_no_finding(render: Render, tool: Tool, folder: Path) -> None:
    """The merged production file passes a linter of other hands, down to its lowest severity."""
    merged = folder / "merged.yaml"
    merged.write_text(json.dumps(render("production")))
    lint = [tool("compose-lint"), "check", "--no-env", "--fail-on", "low", "--strict-config"]
    lint += ["--config", str(COMPOSE / ".compose-lint.yml")]
    done = subprocess.run([*lint, str(merged)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    planted = render("production")
    planted["services"]["backend-blue"]["privileged"] = True
    merged.write_text(json.dumps(planted))
    done = subprocess.run([*lint, str(merged)], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr


def test_a_missing_image_is_named(render: Render, folder: Path) -> None:
    """Without an image Compose says whose, instead of taking any."""
    path = folder / "compose.yaml"
    path.write_text(path.read_text().replace("${EDGE_IMAGE", "${NO_IMAGE"))
    with pytest.raises(AssertionError, match="the image of the edge, by digest"):
        render("production")


def test_production_runs_two_of_everything_that_answers(render: Render) -> None:
    """Both colours have two replicas in production, and one each in staging."""
    for environment, number in {"production": 2, "staging": 1}.items():
        services = render(environment)["services"]
        for name in ("backend-blue", "backend-green", "frontend-blue", "frontend-green"):
            assert services[name]["deploy"].get("replicas", 1) == number, (environment, name)


def test_only_the_edge_is_reached_from_outside(render: Render) -> None:
    """In production nothing but the edge has a port on all interfaces."""
    services = render("production")["services"]
    ports = {
        name: [port["published"] for port in service.get("ports", ()) if not port.get("host_ip")]
        for name, service in services.items()
    }
    assert {name: open_ for name, open_ in ports.items() if open_} == {"edge": ["80", "443"]}


def test_the_exporter_reads_the_folder_that_its_image_looks_into(render: Render) -> None:
    """The folder beside the files is mounted where the flag in the Dockerfile says, read only."""
    (mount,) = render("production")["services"]["node-exporter"]["volumes"]
    flag = f'"--collector.textfile.directory={mount["target"]}"'
    assert flag in (COMPOSE.parent / "Dockerfile").read_text()
    assert (Path(mount["source"]).name, mount["read_only"]) == ("metrics", True)


def test_the_inner_networks_reach_nothing(render: Render) -> None:
    """Backend, database and deployer are on internal networks alone."""
    merged = render("production")
    internal = {n for n, net in merged["networks"].items() if net and net.get("internal")}
    for name in ("backend-blue", "backend-green", "postgresql", "deployer"):
        assert set(merged["services"][name]["networks"]) <= internal, name


def test_secrets_are_files(render: Render) -> None:
    """No password or key stands in the environment of a service."""
    merged = render("production")
    for name, service in merged["services"].items():
        for variable, value in service.get("environment", {}).items():
            told = "PASSWORD" in variable or "SECRET" in variable or variable.endswith("_KEY")
            assert not told or str(value).startswith("/run/secrets/"), (name, variable)
    assert all(secret["file"] for secret in merged["secrets"].values())


def test_the_idle_colour_waits_for_its_profile(render: Render) -> None:
    """By hand, `docker compose up` starts one colour and nothing for trying."""
    services = render("production", profiles=False)["services"]
    assert "backend-blue" in services
    assert not {"backend-green", "frontend-green", "deployer", "grafana"} & {*services}


def test_dev_is_reached_directly_and_reloads(render: Render) -> None:
    """In dev both apps are built here, have ports of their own, and follow their source."""
    services = render("dev", profiles=False)["services"]
    assert "edge" not in services
    for name, port in {"backend-blue": "8000", "frontend-blue": "8501"}.items():
        assert services[name]["ports"][0]["published"] == port
        assert services[name]["build"]["target"] == "serving"
        assert services[name]["develop"]["watch"]


def test_the_edge_is_configured_right(tool: Tool, tmp_path: Path) -> None:
    """HAProxy itself takes the configuration, with a certificate beside it."""
    pem = tmp_path / "edge.pem"
    make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=edge", "-days", "1"]
    made = subprocess.run(
        [tool("openssl"), *make, "-keyout", "-"], capture_output=True, text=True, check=True
    )
    pem.write_text(made.stdout)
    text = (EDGE / "haproxy.cfg").read_text()
    assert text.count("/run/secrets/edge.pem") == 1
    configuration = tmp_path / "haproxy.cfg"
    configuration.write_text(text.replace("/run/secrets/edge.pem", str(pem)))
    values = {"BLUE_WEIGHT": "100", "GREEN_WEIGHT": "0", "EDGE_RATE_LIMIT": "3000"}
    haproxy = [tool("haproxy"), "-c", "-f", str(configuration)]
    done = subprocess.run(haproxy, env=values, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr, done.stderr
