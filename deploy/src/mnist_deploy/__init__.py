"""Deploys the digit recogniser to a host with Docker, without losing a request.

`python3 -m mnist_deploy --help` tells the commands. Standard library only, for Python 3.11: it runs
in an image of its own, on the side of whoever deploys and on the host beside the edge.
"""
