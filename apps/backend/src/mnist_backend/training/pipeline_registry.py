"""The pipeline: data, split, augment, train, evaluate, export, card, report.

Contract: nodes are pure functions; what they give each other stays in memory; only `model` and
`report` leave it, by conf/base/catalog.yml. Does not know what a node does.
"""

from kedro.pipeline import Pipeline, node

from mnist_backend.training import nodes

STEPS = (  # function, what it is given, what it gives
    (nodes.configure, "parameters", "how"),
    (nodes.data, "how", "scans"),
    (nodes.draw, "how", "drawn"),
    (nodes.split, ["scans", "how"], ["seen", "held_out"]),
    (nodes.augment, "seen", "fields"),
    (nodes.train, ["fields", "how"], "network"),
    (nodes.evaluate, ["network", "fields", "held_out", "drawn"], ["measured", "answers"]),
    (nodes.export, "network", "exported"),
    (nodes.golden, ["network", "fields", "held_out"], "golden"),
    (nodes.card, ["how", "scans", "fields", "measured", "exported", "golden"], "described"),
    (nodes.report, ["described", "answers"], "report"),
    (nodes.ship, "described", "model"),
)


def register_pipelines() -> dict[str, Pipeline]:
    """Return the project's one pipeline."""
    steps = [node(does, given, gives, name=does.__name__) for does, given, gives in STEPS]
    return {"__default__": Pipeline(steps)}
