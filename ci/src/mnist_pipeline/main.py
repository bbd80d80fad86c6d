# budget: the functions that users call, which are read as one list
"""The functions that users call.

Contract: every function and argument carries the text that is its help; there is no shell here.
Does not know images, tools or reports.
"""

from collections.abc import Awaitable
from typing import TypeVar

import dagger
from dagger import check, function, object_type
from dagger.mod._exceptions import FunctionError  # the one error it does not print a traceback for

from mnist_pipeline import (
    deploy,
    integration,
    load,
    notify,
    rehearsal,
    script,
    stack,
    verification,
)
from mnist_pipeline import release as releasing
from mnist_pipeline.app import ImageUnknownError, image, trained
from mnist_pipeline.changes import HistoryAbsentError, changed
from mnist_pipeline.containers import ScannerLateError
from mnist_pipeline.containers.session import Session
from mnist_pipeline.deploy import DeploymentError
from mnist_pipeline.gates.addresses import KeysIncompleteError, StackUnreachableError
from mnist_pipeline.gates.decision import ReleaseRefusedError
from mnist_pipeline.gates.inputs import plan
from mnist_pipeline.gates.ledger import LedgerMalformedError
from mnist_pipeline.gates.notices import ReportUnknownError
from mnist_pipeline.gates.policy import EnvironmentUnknownError, PolicyMalformedError
from mnist_pipeline.gates.release import HistoryUnusableError, RegistryAddressError
from mnist_pipeline.gates.selection import StageUnknownError
from mnist_pipeline.hosts import (
    Action,
    Address,
    Certificate,
    Images,
    KnownHosts,
    More,
    Published,
    Reason,
    ReleaseName,
    SelfSigned,
    SshKey,
    Watched,
)
from mnist_pipeline.options import (
    Added,
    Anew,
    BackendUrl,
    Callers,
    Deployment,
    DryRun,
    Env,
    EnvAlias,
    Fresh,
    From,
    FrontendUrl,
    GitDir,
    Grafana,
    GrafanaPassword,
    Here,
    History,
    Identity,
    IdentityToken,
    ImageName,
    ImageReference,
    Issuer,
    KeyPassword,
    Keys,
    Ledger,
    Link,
    MetricsUrl,
    NewPassword,
    PageKey,
    Parameters,
    Password,
    PrivateKey,
    PrometheusUrl,
    PublicKey,
    Quick,
    RegistryName,
    RegistryService,
    Report,
    Shards,
    Since,
    Slack,
    Source,
    Stage,
    Stages,
    Teams,
    Timeout,
    To,
    Together,
    Username,
)
from mnist_pipeline.prove import prove as proving
from mnist_pipeline.registry import RegistryRefusedError, Trust
from mnist_pipeline.stages import (
    STAGES,
    ContainerAbsentError,
    ShardsUnusableError,
    opened,
    run,
)

Answer = TypeVar("Answer")
TOLD = (  # errors that are the caller's to mend; their message is enough
    DeploymentError,
    ContainerAbsentError,
    HistoryAbsentError,
    ImageUnknownError,
    StageUnknownError,
    ShardsUnusableError,
    EnvironmentUnknownError,
    PolicyMalformedError,
    HistoryUnusableError,
    LedgerMalformedError,
    RegistryAddressError,
    KeysIncompleteError,
    notify.ChatUnknownError,
    ReportUnknownError,
    StackUnreachableError,
    RegistryRefusedError,
    ReleaseRefusedError,
    ScannerLateError,
    verification.ReleaseUsageError,
)


class StagesRedError(FunctionError):
    """A stage is not green; the message is the table of all of them."""


class FaultMissedError(FunctionError):
    """A gate did not catch what was planted for it; the message is the table of all of them."""


class UsageError(FunctionError):
    """An argument names something that is not there; the message says what is."""


async def told(call: Awaitable[Answer]) -> Answer:
    """Awaits a call; a wrong name is the caller's fault and needs no traceback."""
    try:
        return await call
    except TOLD as error:
        raise UsageError(str(error)) from None


def chats(slack: Slack, teams: Teams) -> dict[str, dagger.Secret | None]:
    """The webhooks by the names of their chats."""
    return {"slack": slack, "teams": teams}


async def built(source: dagger.Directory, name: str) -> dagger.Container:
    """One image of a source tree."""
    return image(await Session.opened(source), name)


@object_type
class MnistPipeline:
    """Builds, checks and shows the digit recogniser; start with `dagger call test`."""

    source: Source
    history: History

    @function(cache="never")
    async def image(self, name: ImageName) -> dagger.Container:
        """Build one image of the project, as every stage uses it; see --name."""
        return await told(built(self.source, name))

    @function(cache="never")
    @check
    async def lint(self) -> str:
        """Check style: ruff, its formatter, hadolint, ShellCheck, actionlint and zizmor."""
        return await self.test(["lint"])

    @function(cache="never")
    @check
    async def types(self) -> str:
        """Check types: mypy over both applications and over this pipeline."""
        return await self.test(["types"])

    @function(cache="never")
    @check
    async def unit(self) -> str:
        """Run the unit tests of the applications, the pipeline, the toolchain and the layout."""
        return await self.test(["unit"])

    @function(cache="never")
    @check
    async def dependencies(self) -> str:
        """Check dependencies: unused and undeclared ones, known faults where an index tells."""
        return await self.test(["dependencies"])

    @function(cache="never")
    @check
    async def sast(self) -> str:
        """Analyse the code with bandit, and with semgrep and rules of this project's own."""
        return await self.test(["sast"])

    @function(cache="never")
    @check
    async def secrets(self) -> str:
        """Look for secrets with gitleaks, in every file and in every commit."""
        return await self.test(["secrets"])

    @function(cache="never")
    @check
    async def image_structure(self) -> str:
        """Hold every image to its user, command, ports, health check, rights and size."""
        return await self.test(["image-structure"])

    @function(cache="never")
    @check
    async def model(self) -> str:
        """Judge the served model by its card: accuracy, calibration, each digit, the last one."""
        return await self.test(["model"])

    @function(cache="never")
    @check
    async def accessibility(self) -> str:
        """Check the running page for barriers: axe-core in a real browser, light and dark."""
        return await self.test(["accessibility"])

    @function(cache="never")
    @check
    async def scan(self) -> str:
        """Scan images and source for secrets, misconfiguration, licences and vulnerabilities."""
        return await self.test(["scan"])

    @function(cache="never")
    @check
    async def contract(self) -> str:
        """Hold the served API to its document: every journey, 10,000 made-up cases, ill will."""
        return await self.test(["contract"])

    @function(cache="never")
    @check
    async def monitoring(self) -> str:
        """Check what Prometheus and Alertmanager are told: files, rules, tests, every mutant."""
        return await self.test(["monitoring"])

    @function(cache="never")
    @check
    async def observability(self) -> str:
        """Rehearse a bad day: each fault must be drawn, alarm, and be told, and nothing else."""
        return await self.test(["observability"])

    @function(cache="never")
    @check
    async def end_to_end(self) -> str:
        """Draw digits on the running page in a real browser and look for them in the metrics."""
        return await self.test(["end-to-end"])

    @function(cache="never")
    @check
    async def deployment(self) -> str:
        """Rehearse deployments, good and bad, under load on a throw-away host; see `rehearse`."""
        return await self.test(["deployment"])

    @function(cache="never")
    async def rehearse(self, env: Env = "production") -> str:
        """Rehearse every scenario of a deployment on a throw-away host, and print their table.

        Also has a real server of Kubernetes' API take the manifests. Takes about 20 minutes, and
        10 more where that server is compiled; `report --stages rehearsal` keeps the evidence.
        """
        session = await Session.opened(self.source, fresh=True)
        outcome = await told(rehearsal.whole(session, env))
        table = await rehearsal.table(outcome)
        if not outcome.verdict.passed:
            raise StagesRedError(f"\n\n{table}\n" + "\n".join(outcome.verdict.reasons))
        return table

    @function(cache="never")
    async def deploy(  # noqa: PLR0913, PLR0917  each is an option of the command
        self,
        host: Address,
        ssh_key: SshKey,
        known_hosts: KnownHosts,
        env: Env = "",
        environment: EnvAlias = "",
        action: Action = "deploy",
        images: Images = None,
        release: Published = None,
        key: PublicKey = None,
        identity: Identity = "",
        issuer: Issuer = "",
        username: Username = "",
        password: Password = None,
        name: ReleaseName = "",
        certificate: Certificate = None,
        self_signed: SelfSigned = "",
        grafana_password: GrafanaPassword = None,
        watched: Watched = True,
        force: Reason = "",
        options: More = None,
        slack: Slack = None,
        teams: Teams = None,
    ) -> str:
        """Deploy to a host with Docker over SSH, or tell what runs there; see --action.

        Verifies published images as `verify` does, which needs their --key, or --identity with
        --issuer. Then it tries the release in the dark, shifts traffic to it while it is compared
        with the one before, and goes back by itself where it does not do; visitors notice nothing.
        """
        where = await told(deploy.environment((env, environment)))
        if release:
            images = [*(images or ()), *await told(deploy.released(release))]
        for address in await told(deploy.published(images or ())):
            await self.verify(address, key, identity, issuer, where, username, password)
        to = deploy.Entrance(where, host, ssh_key, known_hosts)
        shown = deploy.Release(images or (), name, certificate, self_signed, grafana_password)
        order = deploy.Order(to, action, shown, chats(slack, teams), watched, force, options or ())
        return await told(deploy.run(await Session.opened(self.source), order))

    @function(cache="never")
    async def test(self, stages: Stages = None, fresh: Fresh = False, shards: Shards = 1) -> str:
        """Run every stage at once and print one table; fails if any stage is not green."""
        call = run(self.source, stages, fresh=fresh, history=self.history, shards=shards)
        evidence = await told(call)
        if not evidence.passed:
            raise StagesRedError(f"\n\n{evidence.table}")
        return f"{evidence.table}\n"

    @function(cache="never")
    async def report(
        self, stages: Stages = None, fresh: Fresh = False, shards: Shards = 1
    ) -> dagger.Directory:
        """Run stages and hand over the evidence, red or green; see index.html in it.

        Holds JUnit XML, coverage, SARIF, bills of materials, logs, screenshots, summary.md, and
        status.json for machines, whose fields ci/status.schema.json describes.
        """
        call = run(self.source, stages, fresh=fresh, history=self.history, shards=shards)
        return await (await told(call)).bundle()

    @function(cache="never")
    async def integration(  # noqa: PLR0913, PLR0917  each is an option of the command
        self,
        backend_url: BackendUrl,
        frontend_url: FrontendUrl = "",
        metrics_url: MetricsUrl = "",
        prometheus_url: PrometheusUrl = "",
        keys: Callers = None,
        here: Here = None,
        timeout: Timeout = 900,
    ) -> dagger.Directory:
        """Test a stack that runs elsewhere: scripts/test-integration.sh gives the addresses.

        Hands over the evidence as report does. Tests that need what was not given are left out and
        named; none is hostile, but what they write, predictions and feedback, stays in the stack.
        """
        addresses = {"backend": backend_url, "frontend": frontend_url}
        addresses |= {"metrics": metrics_url, "prometheus": prometheus_url}
        target = integration.Stack(addresses, keys or (), here or (), timeout)
        return await (await told(integration.integration(self.source, target))).bundle()

    @function(cache="never")
    async def debug(self, stage: Stage) -> dagger.Container:
        """Open the container in which a stage failed: `debug --stage lint terminal`.

        The stage's commands have been run, its reports are in /reports, its services answer. A
        command that was killed or took too long is not run again: see what it left. Where
        everything is green it is the container of the stage's first part.
        """
        session = await Session.opened(self.source, history=self.history)
        return await told(opened(session, stage))

    @function(cache="never")
    async def plan(self, since: Since) -> str:
        """Tell which stages a change needs, and why, by the files that differ from a commit."""
        session = await Session.opened(self.source, history=self.history)
        return f"{plan(STAGES, await told(changed(session, since)))}\n"

    @function(cache="never")
    async def prove(self, stages: Stages = None) -> str:
        """Run each gate against the faults planted for it; fails if one is missed.

        Takes gates by stage, or one, for example lint or lint/hadolint. The gates that need the
        running stack are proved by `pytest tests/faults`.
        """
        text, passed = await told(proving(self.source, stages))
        if not passed:
            raise FaultMissedError(f"\n\n{text}")
        return f"{text}\n"

    @function(cache="never")
    async def train(self, parameters: Parameters = "") -> dagger.Directory:
        """Train a model and hand over `models`, its store, and `reports`, its card and picture.

        Without parameters it is the model that every image is built with, which the stage
        model judges; here nothing is judged.
        """
        return trained(await Session.opened(self.source), parameters)

    @function(cache="never")
    async def bench_serving(self, quick: Quick = False) -> dagger.Directory:
        """Measure the backend beside LitServe, BentoML and the floor; see serving.md in it.

        One processor serves and another one asks, so leave the machine alone meanwhile.
        Beside the page it holds the figures, serving.json, and a picture, serving.png.
        """
        measured = await load.serving(await Session.opened(self.source), quick=quick)
        return await measured.sync()

    @function(cache="never")
    async def bench_page(self) -> dagger.Directory:
        """Measure how long 20 visitors at once wait from lifting the pen to the answer.

        Takes some minutes; see page.md in it. Leave the machine alone meanwhile.
        """
        return await (await stack.bench(await Session.opened(self.source))).sync()

    @function(cache="never")
    async def bench_deploy(self) -> dagger.Directory:
        """Measure deploying beside docker-rollout's method and kamal-proxy; see deploy.md in it.

        Good and bad releases and a killed replica, under the same load on a throw-away host: failed
        requests and seconds. Takes about 12 minutes; leave the machine alone meanwhile. The figures
        are in deploy.json beside it.
        """
        session = await Session.opened(self.source)
        return await (await rehearsal.bench(session)).sync()

    @function(cache="never")
    async def bench_script(self, anew: Anew = False, together: Together = False) -> dagger.File:
        """Run the stages as a shell script over docker build and compose; the seconds of each.

        The script is tests/load/script/script.sh: every image, then every stage of `test`, one
        after another, on a throw-away host with a real Docker, which keeps what it has built for
        the next time. `make bench` measures this pipeline beside it. JSON.
        """
        session = await Session.opened(self.source, history=self.history)
        return await script.timed(session, anew=anew, together=together).sync()

    @function(cache="never")
    async def up(
        self,
        keys: Keys = None,
        page_key: PageKey = None,
        grafana: Grafana = None,
        grafana_password: GrafanaPassword = None,
    ) -> dagger.Service:
        """Serve the whole stack on this machine's ports; use it as `up up`.

        Page 8501, API 8000 and its metrics 9100, Prometheus 9090, Alertmanager 9093,
        PostgreSQL 15432; Grafana 3000 where an image of it is given.
        """
        grants = stack.Grants(keys, page_key, grafana, grafana_password)
        try:
            return stack.up(await Session.opened(self.source), grants)
        except stack.PasswordMissingError as error:
            raise UsageError(str(error)) from None

    @function(cache="never")
    async def publish(  # noqa: PLR0913, PLR0917  each is an option of the command
        self,
        git_dir: GitDir,
        env: Env = "",
        environment: EnvAlias = "",
        registry: RegistryName = "",
        username: Username = "",
        password: Password = None,
        key: PrivateKey = None,
        key_password: KeyPassword = None,
        identity_token: IdentityToken = None,
        identity: Identity = "",
        issuer: Issuer = "",
        registry_service: RegistryService = None,
        dry_run: DryRun = False,
        fresh: Fresh = False,
    ) -> str:
        """Publish the tested images of an environment: pushed by digest, signed, verified, tried.

        Runs the stages that ci/release-policy.toml asks for, or takes their answers where they are
        fresh, and refuses with every reason where the policy is not met. Tags are set last, so a
        release that fails is found by nobody and can be run again. Prints the release as JSON.
        """
        place = verification.Place(registry, username, password, registry_service)
        signer = releasing.Signer(key, key_password, identity_token, identity, issuer)
        order = releasing.Order((env, environment), place, signer, rehearsal=dry_run, fresh=fresh)
        return (await told(releasing.required(self.source, git_dir, order))).text()

    @function(cache="never")
    async def release(  # noqa: PLR0913, PLR0917  each is an option of the command
        self,
        git_dir: GitDir,
        env: Env = "",
        environment: EnvAlias = "",
        registry: RegistryName = "",
        username: Username = "",
        password: Password = None,
        key: PrivateKey = None,
        key_password: KeyPassword = None,
        identity_token: IdentityToken = None,
        identity: Identity = "",
        issuer: Issuer = "",
        registry_service: RegistryService = None,
        dry_run: DryRun = False,
        fresh: Fresh = False,
    ) -> dagger.Directory:
        """Publish as `publish` does, and hand over decision and evidence, done or refused.

        Holds release.json, whose field verdict is green where it was done; evidence, as `report`
        has it; and SHA256SUMS over what the stages left, whose own sha256 is what was signed.
        """
        place = verification.Place(registry, username, password, registry_service)
        signer = releasing.Signer(key, key_password, identity_token, identity, issuer)
        order = releasing.Order((env, environment), place, signer, rehearsal=dry_run, fresh=fresh)
        return await (await told(releasing.publish(self.source, git_dir, order))).folder()

    @function(cache="never")
    async def promote(  # noqa: PLR0913, PLR0917  each is an option of the command
        self,
        from_: From,
        to: To,
        registry: RegistryName,
        key: PublicKey = None,
        identity: Identity = "",
        issuer: Issuer = "",
        username: Username = "",
        password: Password = None,
        registry_service: RegistryService = None,
    ) -> str:
        """Promote what is published from one environment to another: the same digests, no build.

        Everything is verified again by the policy of the new environment. Prints JSON.
        """
        place = verification.Place(registry, username, password, registry_service)
        who = Trust(await key.contents() if key else "", identity, issuer)
        call = verification.promote(self.source, from_, to, place, who)
        return (await told(call)).text()

    @function(cache="never")
    async def verify(  # noqa: PLR0913, PLR0917  each is an option of the command
        self,
        image: ImageReference,
        key: PublicKey = None,
        identity: Identity = "",
        issuer: Issuer = "",
        env: Env = "production",
        username: Username = "",
        password: Password = None,
        registry_service: RegistryService = None,
    ) -> str:
        """Verify an image in a registry: signature, provenance, contents, evidence, policy.

        Prints what was found as JSON; fails with every reason where something is refused.
        """
        place = verification.Place("", username, password, registry_service)
        who = Trust(await key.contents() if key else "", identity, issuer)
        call = verification.verify(self.source, image, env, place, who)
        return (await told(call)).text()

    @function(cache="never")
    async def rescan(
        self,
        image: ImageReference,
        username: Username = "",
        password: Password = None,
        registry_service: RegistryService = None,
    ) -> str:
        """Scan a published image again, with what is known of vulnerabilities today.

        Fails where something is found that is not accepted, and where no database can be had.
        """
        place = verification.Place("", username, password, registry_service)
        which, verdict = await told(verification.rescan(self.source, image, place))
        text = "\n".join([f"{which}: {verdict.status}", *verdict.reasons, ""])
        if not verdict.passed:
            raise StagesRedError(f"\n\n{text}")
        return text

    @function(cache="never")
    async def notify(
        self,
        report: Report,
        slack: Slack = None,
        teams: Teams = None,
        link: Link = "",
        deployment: Deployment = "",
    ) -> str:
        """Tell Slack and Teams about a run or a release: verdict, reasons, digests, link.

        A chat that cannot be reached is reported and fails nothing.
        """
        return await told(notify.notify(report, chats(slack, teams), link, deployment))

    @function(cache="never")
    async def signing_key(self, key_password: NewPassword) -> dagger.Directory:
        """Make the pair of keys that signs releases: cosign.key, locked by a password, cosign.pub.

        Export it once, outside of the tree; whoever verifies needs cosign.pub alone.
        """
        return await releasing.signing_key(self.source, key_password)

    @function(cache="never")
    async def ledger(self, entries: Ledger, add: Added = None) -> dagger.Directory:
        """Append a release to a ledger, and work out deployment frequency, lead time and more.

        Hands over ledger.jsonl and delivery.prom, the figures of the last 30 days for Prometheus.
        """
        return await told(releasing.ledger(entries, add))
