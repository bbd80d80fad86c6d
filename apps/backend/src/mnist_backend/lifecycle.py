"""Everything one application shares, and its life: loading, watching, promoting, draining.

Contract: it always starts, also without a model or a database, and then says why in `ready`. A
model is served only if its hash is right and its golden images are answered right; one that is not
never takes the place of one that is. Another process that promotes a model is noticed within
`WATCH_SECONDS`. Does not know: HTTP.
"""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio

from mnist_backend.admission import Admission, naming
from mnist_backend.artefact import Artefact
from mnist_backend.database import Database
from mnist_backend.errors import (
    ArtefactError,
    BackendError,
    ModelUnknownError,
    PromotionConflictError,
    SettingInvalidError,
)
from mnist_backend.experiment import Experiment, Variant
from mnist_backend.metrics import Metrics
from mnist_backend.predicting import Predicting
from mnist_backend.predictor import OnnxPredictor, Predictor, check_golden
from mnist_backend.recording import Recorder
from mnist_backend.registry import Registry
from mnist_backend.settings import Settings

if TYPE_CHECKING:
    from mnist_backend.telemetry import Telemetry

log = logging.getLogger(__name__)

WATCH_SECONDS = 5.0
CAREFUL_THREADS = 2  # that unpack pictures and check long bodies, beside the event loop

Load = Callable[[Artefact, str], Predictor]


def loaded(artefact: Artefact, runtime: str) -> Predictor:
    """Return what runs a model; PyTorch is imported only where it is asked for."""
    if runtime == "torch":
        from mnist_backend.torch_predictor import TorchPredictor  # noqa: PLC0415  absent elsewhere

        return TorchPredictor(artefact)
    return OnnxPredictor(artefact)


def telemetry_of(endpoint: str) -> "Telemetry | None":
    """Return what tells a collector about requests; None where there is no collector.

    Raises:
        SettingInvalidError: there is one, but OpenTelemetry is not installed.
    """
    if not endpoint:
        return None
    try:
        from mnist_backend.telemetry import Telemetry  # noqa: PLC0415  an optional extra
    except ImportError as error:
        message = (
            f"MNIST_OTLP_ENDPOINT: {error.name} is not installed; install the extra "
            "mnist-backend[telemetry], or leave the variable empty"
        )
        raise SettingInvalidError(message) from error
    with naming("OTLP_ENDPOINT"):
        return Telemetry(endpoint)


class Serving:
    """What the routes of one application share."""

    def __init__(self, settings: Settings, load: Load = loaded) -> None:
        """Make every part; nothing runs before `start`.

        Raises:
            BackendError: a setting cannot be used.
        """
        self.settings = settings
        self.telemetry = telemetry_of(settings.otlp_endpoint)
        self.metrics = Metrics()
        self.admission = Admission(settings)
        self.registry = Registry(settings.models_dir, settings.state_dir)
        with naming("DATABASE_URL"):
            url = settings.database_url.get_secret_value()
            self.database = Database(url, settings.state_dir)
        self.recorder = Recorder(self.database, settings.database_queue, settings.retention_days)
        self.experiment = Experiment(
            settings.experiment_salt,
            settings.challenger_share,
            lambda variant: self.metrics.exposures.labels(variant).inc(),
        )
        self.predicting = Predicting(
            self.metrics,
            self.recorder,
            self.experiment,
            shadow=settings.challenger_shadow,
            store_images=settings.store_images,
        )
        self.careful = anyio.CapacityLimiter(CAREFUL_THREADS)
        self.draining = False
        self._load = load
        self._loaded: dict[Variant, Predictor] = {}
        self._candidates: tuple[Predictor, ...] = ()  # that passed their checks for a promotion
        self._refreshing = threading.Lock()
        self._trouble = ""  # why the models served are not those that the aliases name
        self._observe()

    @property
    def version(self) -> str:
        """The version of the model that answers by default; empty where none does."""
        models = self.predicting.models
        return "" if isinstance(models, ArtefactError) else models["champion"].version

    def start(self) -> None:
        """Load the models and begin to write predictions down."""
        self.admission.begin()
        self.refresh()
        self.recorder.start()

    def stop(self) -> None:
        """Write down what is left."""
        self.recorder.stop(self.settings.shutdown_seconds)
        self.database.close()
        if self.telemetry:
            self.telemetry.stop()

    async def watch(self) -> None:
        """Notice, for ever, which models another process has promoted."""
        while True:
            await anyio.sleep(WATCH_SECONDS)
            try:
                await anyio.to_thread.run_sync(self.refresh)
            except Exception:  # whatever it is, what serves goes on serving
                log.exception("the models could not be looked at")

    def refresh(self) -> None:
        """Serve the models that the aliases name now; whatever is wrong with them is told once."""
        with self._refreshing:
            trouble = ""
            try:
                trouble = self._refreshed()
            except (BackendError, OSError) as error:
                trouble = error.detail if isinstance(error, BackendError) else str(error)
                if not self._loaded:  # what serves already goes on serving
                    self.predicting.models = ArtefactError(trouble)
            if trouble and trouble != self._trouble:
                log.error("a model cannot be served: %s", trouble)
            self._trouble = trouble

    def _refreshed(self) -> str:
        """Take the models that the aliases name; return what is wrong with the challenger."""
        aliases = self.registry.aliases()
        if "champion" not in aliases:
            message = f"no model in {self.settings.models_dir} is the champion"
            raise ModelUnknownError(message)
        found: dict[Variant, Predictor] = {"champion": self._predictor(aliases["champion"])}
        trouble = ""
        if "challenger" in aliases:
            try:
                found["challenger"] = self._predictor(aliases["challenger"])
            except (ArtefactError, ModelUnknownError) as error:  # the champion serves without it
                trouble = f"the challenger: {error.detail}"
        if found != self._loaded:
            self.predicting.use(found)
            self._loaded = found
            log.info("serving %s", {role: p.card.model_version for role, p in found.items()})
        return trouble

    def promote(self, version: str, alias: Variant, by: str) -> str | None:
        """Give a model an alias, if it can be served; return the version that had it before.

        Raises:
            ModelUnknownError: the store holds no such model.
            PromotionConflictError: the model has that alias already, or cannot be served.
        """
        try:
            self._candidates = (self._predictor(version),)
        except ArtefactError as error:
            message = f"{version} cannot be served: {error.detail}"
            raise PromotionConflictError(message) from error
        before = self.registry.aliases().get(alias)
        self.registry.promote(version, alias, by)
        self.refresh()
        self._candidates = ()
        return before

    def _predictor(self, version: str) -> Predictor:
        """Return what runs a version: what runs it already, or a model that passed its checks."""
        for running in (*self._loaded.values(), *self._candidates):
            if running.card.model_version == version:
                return running
        artefact = self.registry.read(version)
        predictor = self._load(artefact, self.settings.runtime)
        check_golden(predictor, artefact.card)
        return self.telemetry.traced(predictor) if self.telemetry else predictor

    def _observe(self) -> None:
        observe, recorder, experiment = self.metrics.observe, self.recorder, self.experiment
        observe("recording_queue_length", "Predictions to be written.", lambda: recorder.depth)
        observe("recording_written_total", "Predictions written.", lambda: recorder.written)
        observe("recording_dropped_total", "Predictions given up.", lambda: recorder.dropped)
        observe("recording_healthy", "1 if the database took the last.", lambda: recorder.healthy)
        observe(
            "rate_limit_store_failures_total",
            "Requests that a replica counted alone, for the shared store was down.",
            lambda: self.admission.quota.failures,
        )
        observe(
            "models_in_step",
            "1 if the models that serve are those that the aliases name.",
            lambda: not self._trouble,
        )
        observe(
            "experiment_challenger_share_ratio",
            "The share of callers who shall meet the challenger.",
            lambda: self.settings.challenger_share,
        )
        observe(
            "experiment_sample_ratio_p_value",
            "Below 0.001 the assignment to models is not the configured one.",
            lambda: experiment.sample_ratio_p,
        )
