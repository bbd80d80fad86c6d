"""The network, and its two forms on disk.

Contract: `Network` maps standardised pictures to ten scores; `weights` gives them as safetensors,
the source of truth, `read_weights` reads them back, `onnx` gives the network that is served: it
takes `picture` (n 1 28 28) and gives `probabilities` (n 10).
Does not know: the data, the training, or ONNX Runtime.
"""

import io
import warnings

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

FIRST_CHANNELS = 16
SECOND_CHANNELS = 32
HIDDEN = 64
DIGITS = 10
SMALL_SIDE = 7  # 28 halved twice
DROPOUT = 0.25
OPSET = 17


class Network(nn.Module):
    """Two convolutions and two dense layers, about 106,000 parameters."""

    def __init__(self) -> None:
        """Build the layers with random weights."""
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, FIRST_CHANNELS, 3, padding=1),
            nn.BatchNorm2d(FIRST_CHANNELS),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(FIRST_CHANNELS, SECOND_CHANNELS, 3, padding=1),
            nn.BatchNorm2d(SECOND_CHANNELS),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(DROPOUT),
            nn.Linear(SECOND_CHANNELS * SMALL_SIDE * SMALL_SIDE, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, DIGITS),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the scores of the ten digits."""
        scores: Tensor = self.layers(pictures)  # n 1 28 28 -> n 10
        return scores


def weights(network: Network) -> bytes:
    """Return the weights as safetensors."""
    return save(network.state_dict())


def read_weights(content: bytes) -> Network:
    """Return the network with the weights of a safetensors file, ready to recognise."""
    network = Network()
    network.load_state_dict(load(content))
    return network.eval()


def onnx(network: Network) -> bytes:
    """Return the network, followed by a softmax, as ONNX."""
    served = nn.Sequential(network, nn.Softmax(dim=1)).eval()
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the newer exporter needs onnxscript
        torch.onnx.export(
            served,
            (torch.zeros(1, 1, 28, 28),),
            written,
            input_names=["picture"],
            output_names=["probabilities"],
            dynamic_axes={"picture": {0: "n"}, "probabilities": {0: "n"}},
            opset_version=OPSET,
            dynamo=False,
        )
    return written.getvalue()
