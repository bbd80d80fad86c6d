"""The network and its two forms on disk."""

import numpy as np
import onnxruntime
import pytest
import safetensors.torch
import torch

from mnist_backend import model


@pytest.fixture
def network() -> model.Network:
    """A network nobody trained."""
    torch.manual_seed(1)
    return model.Network().eval()


def test_the_network_has_the_size_that_its_words_say(network: model.Network) -> None:
    """About 106,000 parameters, and ten scores for each of any number of pictures."""
    assert round(sum(p.numel() for p in network.parameters()), -3) == 106_000
    assert network(torch.zeros(3, 1, 28, 28)).shape == (3, 10)


def test_weights_come_back_as_they_were(network: model.Network) -> None:
    """Every tensor of the file is the one that was written, and the network is ready."""
    content = model.weights(network)
    again = model.read_weights(content)
    assert not again.training
    assert all(torch.equal(again.state_dict()[n], t) for n, t in network.state_dict().items())
    assert safetensors.torch.load(content).keys() == network.state_dict().keys()
    assert model.weights(again) == content


def test_onnx_gives_the_probabilities_of_the_network(network: model.Network) -> None:
    """ONNX Runtime answers a batch of any size with the softmax of PyTorch's scores."""
    session = onnxruntime.InferenceSession(model.onnx(network), providers=["CPUExecutionProvider"])
    for count in (1, 5):
        pictures = np.random.default_rng(count).random((count, 1, 28, 28), np.float32)
        (found,) = session.run(["probabilities"], {"picture": pictures})
        with torch.inference_mode():
            expected = network(torch.from_numpy(pictures)).softmax(1).numpy()
        assert found.shape == (count, 10)
        assert np.abs(found - expected).max() < 1e-5
