"""The benchmark of deploying."""
