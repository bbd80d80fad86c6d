"""Trains the network: a Kedro project of nodes from data to card.

Contract: `python -m mnist_backend.training` and `kedro run` run the same pipeline, with parameters
from conf/base/parameters.yml and changes from the command line. It measures and writes; whether a
model is good enough is judged elsewhere. Does not know: the server, or how a model is run.
"""
