"""Kubernetes runs what Compose runs, as strictly."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml")

KUBERNETES = Path(__file__).resolve().parents[1] / "k8s"
ENVIRONMENTS = ["staging", "production"]
REGIONS = sorted(f"regions/{path.parent.name}" for path in KUBERNETES.glob("regions/*-*/*.yaml"))
OVERLAYS = [*ENVIRONMENTS, *REGIONS]
COLOURED = ["backend", "frontend"]
ELSEWHERE = {
    "MNIST_BACKEND_URL",
    "MNIST_TRUSTED_PROXIES",
}  # addresses of the one network or the other
UNITS = {"Mi": 2**20, "Gi": 2**30, "m": 0.001, "": 1}
Objects = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture
def built(tool: Callable[[str], str]) -> Callable[[str], Objects]:
    """Builds an overlay as kubectl does; every object by kind and name."""

    def build(environment: str) -> Objects:
        command = [tool("kubectl"), "kustomize", str(KUBERNETES / environment)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        objects = yaml.safe_load_all(done.stdout)
        return {(one["kind"], one["metadata"]["name"]): one for one in objects}

    return build


def number(text: object) -> float:
    """A quantity of Kubernetes."""
    whole = str(text)
    unit = whole.lstrip("0123456789.")
    return float(whole.removesuffix(unit)) * UNITS[unit]


def pod(objects: Objects, name: str) -> dict[str, Any]:
    """The description of a deployment's pods."""
    return dict(objects["Deployment", name]["spec"]["template"]["spec"])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("part", COLOURED)
def test_both_run_the_same(
    built: Callable[[str], Objects], render: Callable[..., Any], environment: str, part: str
) -> None:
    """Limits, probes, user, settings and replicas of a part are those of its Compose service."""
    objects, services = built(environment), render(environment)["services"]
    ours = services[f"{part}-blue"]
    theirs = pod(objects, f"{part}-blue")
    (container,) = theirs["containers"]
    limits, allowed = container["resources"]["limits"], ours["deploy"]["resources"]["limits"]
    assert number(limits["cpu"]) == float(allowed["cpus"])
    assert number(limits["memory"]) == float(allowed["memory"])
    probe = container["readinessProbe"]["httpGet"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    check = " ".join(ours["healthcheck"]["test"])
    assert f"/127.0.0.1/{ports[probe['port']]};" in check
    assert f"GET {probe['path']} " in check
    assert container["startupProbe"]["httpGet"] == probe
    user = theirs["securityContext"]
    assert f"{user['runAsUser']}:{user['runAsGroup']}" == ours["user"]
    settings = {one["name"]: one["value"] for one in container["env"]}
    theirs_only = {n: v for n, v in settings.items() if n not in ELSEWHERE}
    assert theirs_only == {n: v for n, v in ours["environment"].items() if n not in ELSEWHERE}
    replicas = objects["Deployment", f"{part}-blue"]["spec"]["replicas"]
    assert replicas == ours["deploy"].get("replicas", 1)
    (secret,) = (volume["secret"] for volume in theirs["volumes"] if "secret" in volume)
    mounted = {one["path"] for one in secret["items"]}
    assert mounted == {one["source"] for one in ours["secrets"]}


@pytest.mark.parametrize("environment", OVERLAYS)
def test_the_edge_of_both_meets_the_same_ports(
    built: Callable[[str], Objects], environment: str
) -> None:
    """HAProxy's configuration names the ports that the services of Kubernetes have."""
    edge = (KUBERNETES.parent / "edge" / "haproxy.cfg").read_text()
    for part in COLOURED:
        (port,) = built(environment)["Service", part]["spec"]["ports"]
        for colour in ("blue", "green"):
            assert f"{part}-{colour}:{port['port']} " in edge


@pytest.mark.parametrize("environment", OVERLAYS)
def test_pods_keep_to_the_restricted_standard(
    built: Callable[[str], Objects], environment: str
) -> None:
    """Every pod is what the namespace's standard demands, with a root that cannot be written to."""
    objects = built(environment)
    labels = objects["Namespace", "mnist"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    deployments = [name for kind, name in objects if kind == "Deployment"]
    assert len(deployments) == 4
    for name in deployments:
        spec = pod(objects, name)
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        assert spec["automountServiceAccountToken"] is False
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"]["drop"] == ["ALL"]
            assert "@sha256:" in container["image"]


@pytest.mark.parametrize("environment", OVERLAYS)
def test_nothing_is_reached_unless_allowed(
    built: Callable[[str], Objects], environment: str
) -> None:
    """A policy for all pods allows nothing, and none allows everything."""
    objects = built(environment)
    policies = [one["spec"] for (kind, _), one in objects.items() if kind == "NetworkPolicy"]
    nothing = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert nothing in policies
    for policy in policies:
        for rule in [*policy.get("ingress", ()), *policy.get("egress", ())]:
            assert rule.get("from") or rule.get("to"), policy


@pytest.mark.parametrize("environment", OVERLAYS)
def test_a_colour_is_one_word_in_a_selector(
    built: Callable[[str], Objects], environment: str
) -> None:
    """Each service selects one colour, and each colour's pods say theirs."""
    objects = built(environment)
    for part in COLOURED:
        assert objects["Service", part]["spec"]["selector"] == {"app": part, "colour": "blue"}
        for colour in ("blue", "green"):
            template = objects["Deployment", f"{part}-{colour}"]["spec"]["template"]
            assert template["metadata"]["labels"] == {"app": part, "colour": colour}
            budget = objects["PodDisruptionBudget", f"{part}-{colour}"]["spec"]["selector"]
            assert budget["matchLabels"] == {"app": part, "colour": colour}


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_is_production_in_a_place_of_its_own(
    built: Callable[[str], Objects], region: str
) -> None:
    """Its pods run there alone, it has its own name beside the common one, and room for others'."""
    name = Path(region).name
    objects, production = built(region), built("production")
    assert {*objects} == {*production}
    for kind, thing in objects:
        ours, theirs = objects[kind, thing], production[kind, thing]
        assert ours["metadata"]["labels"]["mnist.example.org/region"] == name
        if kind == "Deployment":
            affinity = ours["spec"]["template"]["spec"].pop("affinity")
            wanted = affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
            ((place,),) = (term["matchExpressions"] for term in wanted["nodeSelectorTerms"])
            assert (place["key"], place["values"]) == ("topology.kubernetes.io/region", [name])
        if kind == "HorizontalPodAutoscaler":
            assert ours["spec"].pop("maxReplicas") == 2 * theirs["spec"].pop("maxReplicas")
        if kind != "Ingress":
            assert {**ours, "metadata": {}} == {**theirs, "metadata": {}}
    edge = objects["Ingress", "edge"]["spec"]
    hosts = ["mnist.example.org", f"{name}.mnist.example.org"]
    assert edge["tls"][0]["hosts"] == hosts
    assert [rule["host"] for rule in edge["rules"]] == hosts
    assert edge["rules"][0]["http"] == edge["rules"][1]["http"]
