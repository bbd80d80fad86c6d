"""Rehearses deployments on a throw-away host: `python3 -m rehearsal --help`."""
