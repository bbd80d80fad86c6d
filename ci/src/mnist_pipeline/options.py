"""What users say to the pipeline: the arguments of its functions, with help.

Contract: an alias is a type with the text that is its help. Does not know what is done with them.
"""

from typing import Annotated

import dagger
from dagger import DefaultPath, Doc, Ignore, Name

Env = Annotated[str, Doc("Where to: dev, staging or production; each has its policy.")]
EnvAlias = Annotated[str, Doc("The same as --env, by its full name.")]
RegistryName = Annotated[
    str, Doc("The registry with its namespace, for example registry.example.org/digits.")
]
Username = Annotated[str, Doc("Who signs in to the registry.")]
Password = Annotated[
    dagger.Secret | None, Doc("The password or token for the registry, for example env://TOKEN.")
]
RegistryService = Annotated[
    dagger.Service | None,
    Doc(
        "A registry that this machine reaches and the engine does not, for example "
        "tcp://127.0.0.1:5000; it is bound to the host of --registry and spoken to by plain HTTP."
    ),
]
PrivateKey = Annotated[
    dagger.Secret | None,
    Doc("The private key that signs, made by `cosign generate-key-pair`, as file://cosign.key."),
]
KeyPassword = Annotated[
    dagger.Secret | None, Doc("The password of the private key, for example env://KEY_PASSWORD.")
]
NewPassword = Annotated[
    dagger.Secret, Doc("The password that shall lock the private key, for example env://PASSWORD.")
]
PublicKey = Annotated[
    dagger.File | None, Doc("The public key, cosign.pub, whose other half must have signed.")
]
IdentityToken = Annotated[
    dagger.Secret | None,
    Doc(
        "An OpenID Connect token of the platform, for the audience sigstore: it signs instead of a "
        "key, by Sigstore's public services."
    ),
]
Identity = Annotated[
    str, Doc("Without a key: who must have signed, for example the address of a workflow.")
]
Issuer = Annotated[
    str, Doc("Without a key: who vouches, https://token.actions.githubusercontent.com for GitHub.")
]
BackendUrl = Annotated[str, Doc("Where the API answers, for example http://localhost:8000.")]
FrontendUrl = Annotated[str, Doc("Where the page answers; without it no browser looks at it.")]
MetricsUrl = Annotated[str, Doc("The backend's own page of metrics, with its path.")]
PrometheusUrl = Annotated[str, Doc("Where Prometheus answers.")]
Callers = Annotated[
    list[dagger.Secret] | None,
    Doc(
        "The API keys of two callers and of an administrator, in this order, for a service that "
        "asks for keys, as file://first.key,file://second.key,file://admin.key; with them a test "
        "makes the champion the challenger, too."
    ),
]
Here = Annotated[
    list[dagger.Service] | None,
    Doc("What of the stack runs on this machine: tcp://localhost:8000, one for each port."),
]
Timeout = Annotated[int, Doc("How long the tests of a part may take, in seconds.")]
DryRun = Annotated[
    bool,
    Doc(
        "Do all of it in a registry of this session alone, which ends with it; --registry is not "
        "used, and a key is made and thrown away where none is given."
    ),
]
GitDir = Annotated[
    dagger.Directory,
    DefaultPath("/.git"),
    Ignore(["config", "FETCH_HEAD", "hooks", "logs", "modules", "worktrees", "**/*.lock"]),
    Doc("The git folder that tells version and commit of the source; needs the whole history."),
]
ImageReference = Annotated[
    str,
    Doc(
        "The image with its tag or digest, for example registry.example.org/digits/mnist-backend"
        ":production."
    ),
]
From = Annotated[
    str, Name("from"), Doc("An environment, or the tag of a version, that is published already.")
]
To = Annotated[str, Doc("The environment that gets the same digests: staging or production.")]
Report = Annotated[
    dagger.File,
    Doc("What publish, promote or verify printed, or the status.json of the evidence."),
]
Slack = Annotated[dagger.Secret | None, Doc("Slack's incoming webhook, as env://SLACK_WEBHOOK.")]
Teams = Annotated[
    dagger.Secret | None, Doc("The webhook of a Teams workflow, for example env://TEAMS_WEBHOOK.")
]
Link = Annotated[str, Doc("Where the run can be seen: an address that begins with https://.")]
Deployment = Annotated[
    str,
    Doc("What came of deploying the release: success, failure, cancelled or skipped, as a job."),
]
Ledger = Annotated[
    dagger.File,
    Doc("The ledger: JSON lines, what publish and promote printed, and incidents; may be empty."),
]
Added = Annotated[
    dagger.File | None, Doc("What publish or promote printed, to be appended to the ledger.")
]
Source = Annotated[
    dagger.Directory,
    DefaultPath("/"),
    Ignore(
        [
            "**/.git",
            "**/.venv",
            "**/.mypy_cache",
            "**/.pytest_cache",
            "**/.ruff_cache",
            "**/__pycache__",
            "**/*.egg-info",
            "**/.coverage",
            "**/node_modules",
            "**/.DS_Store",
            "ci/sdk",
            "evidence",
            "reports",
        ]
    ),
    Doc("The source tree to work on: any directory, or a git address with a ref."),
]
Stages = Annotated[
    list[str] | None,
    Doc("Only these stages, by name or beginning, separated by commas: lint,end; all by default."),
]
Shards = Annotated[
    int,
    Doc(
        "Into how many parts the end-to-end tests are split; they run side by side, each with a "
        "stack and a browser of its own, so that a machine with many processors is done sooner."
    ),
]
Fresh = Annotated[
    bool,
    Doc("Run the commands anew even where a cache could answer; images are not rebuilt."),
]
Parameters = Annotated[
    str,
    Doc("Parameters to change, for example epochs=26,seed=8; an unknown one lists all."),
]
Keys = Annotated[
    dagger.File | None,
    Doc("A file of API keys, as `python3 -m mnist_backend.keys make` writes it: asks for them."),
]
PageKey = Annotated[
    dagger.Secret | None,
    Doc("The page's own API key where keys are asked for, for example env://KEY or file://key."),
]
Grafana = Annotated[
    dagger.Container | None,
    Doc("An image of Grafana to serve the dashboards with, for example grafana/grafana:11.6.0."),
]
GrafanaPassword = Annotated[
    dagger.Secret | None,
    Doc("The password of Grafana's user admin, for example env://GRAFANA_PASSWORD; no default."),
]
Quick = Annotated[
    bool,
    Doc("Measure for about 3 minutes instead of 12: fewer and shorter passes, wider ranges."),
]
Anew = Annotated[bool, Doc("Empty the throw-away host's Docker first: nothing is built yet.")]
Together = Annotated[
    bool, Doc("Build all images at once and run several tests at a time: a better sort of script.")
]
ImageName = Annotated[
    str,
    Doc(
        "backend, backend-torch, frontend, prometheus, alertmanager, probe, edge, postgresql, "
        "deployer, postgres-exporter, node-exporter or process-exporter."
    ),
]
History = Annotated[
    dagger.Directory,
    DefaultPath("/"),
    Ignore(
        ["*", "!.git/HEAD", "!.git/objects", "!.git/refs", "!.git/packed-refs", "!.git/shallow"]
    ),
    Doc("The history to look for secrets in: .git without its settings, by default this one."),
]
Stage = Annotated[str, Doc("The stage, by name or beginning.")]
Since = Annotated[str, Doc("A commit, branch or tag to compare with, for example origin/main.")]
