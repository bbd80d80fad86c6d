"""The settings of the Kedro project.

Contract: one environment, `base`; nothing is reported to anybody; the processor is used in a way
that gives the same weights again. Does not know the pipeline.
"""

import torch
from kedro.framework.hooks import hook_impl


class OneThread:
    """Keeps training repeatable: no second thread, no operation that may add up otherwise."""

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Set PyTorch up; so small a network would gain nothing from more threads."""
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(mode=True)


CONFIG_LOADER_ARGS = {"base_env": "base", "default_run_env": "base"}
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)
HOOKS = (OneThread(),)
