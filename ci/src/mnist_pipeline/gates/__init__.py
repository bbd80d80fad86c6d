"""Pure verdicts: text of reports in, verdicts out.

Contract: a missing, empty or malformed report is never green. Standard library only; no Dagger, no
network, no file is read here. Does not know how a report came to be.
"""
