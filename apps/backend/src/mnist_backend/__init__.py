"""Recognises a handwritten digit in 28x28 grey values, over HTTP."""

__version__ = "0.1.0"
