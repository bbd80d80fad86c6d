"""The example CNN of PyTorch's own MNIST example, 1.2 million parameters, as an artefact.

    python -m load.serving.example serve    the backend in PyTorch with this network for its own

Contract: `prepared` puts a briefly trained network into a store that the backend serves as it
serves its own. The backend's PyTorch runtime knows one network, so `serve` puts this one in its
place before it starts; ONNX Runtime needs no such thing. Does not know: what is measured.
"""

import sys
import warnings
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from mnist_backend import artefact, drawings, model, registry
from mnist_backend.__main__ import main as backend
from mnist_backend.artefact import Card, Golden
from mnist_backend.preprocess import normalise, standardise

MEAN, DEVIATION = 0.1307, 0.3081  # of MNIST, as the example has them
SEED, EACH, EPOCHS, BATCH, RATE = 7, 1, 6, 20, 1e-3
OPSET = 17


class Example(nn.Module):
    """Two convolutions and two dense layers, 1,199,882 parameters."""

    def __init__(self) -> None:
        """Build the layers with random weights."""
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 32, 3),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(0.25),
            nn.Flatten(),
            nn.Linear(9216, 128),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(128, 10),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the scores of the ten digits."""
        scores: Tensor = self.layers(pictures)
        return scores


def ready(pictures: list[drawings.Drawing]) -> Tensor:
    """Return drawings as the network takes them."""
    normal = np.stack([normalise(picture) for picture in pictures])
    return torch.from_numpy(standardise(normal, MEAN, DEVIATION))[:, None]


def trained() -> Example:
    """Return the network, trained just enough to be sure of what it sees."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    pictures, digits = drawings.draw(EACH, SEED)
    inputs, targets = ready(pictures), torch.tensor(digits)
    network = Example()
    optimiser = torch.optim.Adam(network.parameters(), RATE)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(digits)).split(BATCH):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(inputs[chosen]), targets[chosen]).backward()
            optimiser.step()
    return network.eval()


def golden(network: Example) -> list[Golden]:
    """Return a drawing of each digit and what the network makes of it."""
    pictures, digits = drawings.draw(1, SEED + 1)
    found = []
    for digit in range(10):
        picture = pictures[digits.index(digit)]
        with torch.inference_mode():
            probabilities = network(ready([picture])).softmax(1)[0].tolist()
        found.append(Golden(image=picture.reshape(-1).tolist(), probabilities=probabilities))
    return found


def export(network: Example, path: Path) -> None:
    """Write the network as the backend's own is written: picture in, probabilities out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the newer exporter needs onnxscript
        torch.onnx.export(
            nn.Sequential(network, nn.Softmax(dim=1)).eval(),
            (torch.zeros(1, 1, 28, 28),),
            str(path),
            input_names=["picture"],
            output_names=["probabilities"],
            dynamic_axes={"picture": {0: "n"}, "probabilities": {0: "n"}},
            opset_version=OPSET,
            dynamo=False,
        )


def prepared(models: Path, template: Card) -> None:
    """Write a store whose champion is the example, with the card of another model changed."""
    network = trained()
    models.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(dir=models))
    save_file(network.state_dict(), folder / artefact.WEIGHTS)
    export(network, folder / artefact.NETWORK)
    hashes = artefact.Files(
        network=artefact.sha256((folder / artefact.NETWORK).read_bytes()),
        weights=artefact.sha256((folder / artefact.WEIGHTS).read_bytes()),
    )
    changes = {
        "model_version": f"example+{hashes.network[:12]}",
        "data": "drawings, for the benchmark only; other figures here are not this network's",
        "mean": MEAN,
        "deviation": DEVIATION,
        "golden": golden(network),
        "files": hashes,
    }
    artefact.write(folder, template.model_copy(update=changes))
    registry.store(folder, models)


if __name__ == "__main__":
    model.Network = Example  # type: ignore[assignment,misc]  # the one network that the runtime knows
    sys.exit(backend(sys.argv[1:]))
