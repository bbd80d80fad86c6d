"""What the server of Kubernetes' API says of every overlay."""

import json
from typing import Any

import pytest
import yaml

from conftest import Cluster, rendered

OVERLAYS = ["staging", "production", "regions/eu-west", "regions/us-east"]
STRICTLY = ("--validate=strict", "--warnings-as-errors")
PLANTED: dict[str, dict[str, Any]] = {  # what no pod may be, by the words that refuse it
    "unrestricted capabilities": {"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}},
    "runAsNonRoot != true": {"runAsUser": 0, "runAsNonRoot": False},
}


def parsed(overlay: str) -> list[dict[str, Any]]:
    """The objects of an overlay."""
    return list(yaml.safe_load_all(rendered(overlay)))


def pods(overlay: str) -> list[dict[str, Any]]:
    """The pods that an overlay's deployments would ask for."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"namespace": "mnist", "name": one["metadata"]["name"]},
            "spec": one["spec"]["template"]["spec"],
        }
        for one in parsed(overlay)
        if one["kind"] == "Deployment"
    ]


@pytest.fixture(params=OVERLAYS)
def applied(request: pytest.FixtureRequest, cluster: Cluster) -> str:
    """Store an overlay for real; the server warns of nothing."""
    overlay: str = request.param
    applying = ("apply", "--server-side", "--force-conflicts", *STRICTLY, "-f", "-")
    said = cluster.good(*applying, given=rendered(overlay))
    assert len(said.splitlines()) == len(parsed(overlay))
    return overlay


def test_the_server_takes_every_object(applied: str, cluster: Cluster) -> None:
    """A server-side dry run of all of it passes validation and admission, and changes nothing."""
    trying = ("apply", "--server-side", "--dry-run=server", *STRICTLY, "-f", "-")
    said = cluster.good(*trying, given=rendered(applied)).splitlines()
    assert [line for line in said if "dry run" not in line] == []
    assert cluster.good("diff", "--server-side", "-f", "-", given=rendered(applied)) == ""


def test_the_namespace_takes_its_pods(applied: str, cluster: Cluster) -> None:
    """The pods of each deployment pass the restricted standard, which is enforced on pods alone."""
    wanted = pods(applied)
    assert len(wanted) == 4
    for pod in wanted:
        cluster.good("create", "--dry-run=server", *STRICTLY, "-f", "-", given=json.dumps(pod))


@pytest.mark.parametrize("fault", PLANTED)
def test_the_namespace_refuses_others(cluster: Cluster, fault: str) -> None:
    """A planted pod that asks for more than it may have is refused, and the reason is told."""
    cluster.good("apply", "--server-side", "-f", "-", given=rendered("production"))
    pod = pods("production")[0]
    pod["spec"]["containers"][0]["securityContext"] |= PLANTED[fault]
    answer = cluster.kubectl("create", "--dry-run=server", "-f", "-", given=json.dumps(pod))
    assert answer.code != 0
    assert "restricted" in answer.text
    assert fault in answer.text


def test_a_field_that_is_not_there_is_refused(cluster: Cluster) -> None:
    """A planted misspelling turns this red: the schema is the server's own."""
    planted = rendered("staging").replace("  replicas: 1\n", "  replicaz: 1\n", 1)
    assert planted != rendered("staging")
    answer = cluster.kubectl(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", given=planted
    )
    assert answer.code != 0
    assert "replicaz" in answer.text


def test_the_switch_is_one_patch_and_so_is_the_way_back(cluster: Cluster) -> None:
    """The selectors of both services move to the other colour and back, and to nothing else."""
    cluster.good("apply", "--server-side", "-f", "-", given=rendered("production"))
    namespace = ("--namespace=mnist",)
    for colour in ("green", "blue"):
        patch = json.dumps({"spec": {"selector": {"colour": colour}}})
        for part in ("backend", "frontend"):
            cluster.good("patch", "service", part, *namespace, "--patch", patch)
            stored = json.loads(cluster.good("get", "service", part, *namespace, "-o", "json"))
            assert stored["spec"]["selector"] == {"app": part, "colour": colour}
            found = cluster.good(
                "get", "deployments", *namespace, "-l", f"app={part},colour={colour}", "-o", "name"
            )
            assert found.split() == [f"deployment.apps/{part}-{colour}"]
