"""ndefender: a passive drone-detection service. Samples come in at `radio`, contacts leave at `api`."""

__version__ = "0.1.0"
