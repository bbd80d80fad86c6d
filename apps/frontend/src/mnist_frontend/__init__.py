"""The page of the digit recogniser: a drawing pad in front of the prediction API."""
