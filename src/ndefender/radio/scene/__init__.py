"""Simulated air: emitters with their physics, rendered to I/Q for any tuning and time, with exact ground truth.

In: a scene (TOML) and a tuning. Out: 12-bit I/Q as an AD9361 would give it, and the truth. Imported by `radio` only.
"""

from ndefender.radio.scene.load import Scene, builtin_scenes, load_scene
from ndefender.radio.scene.render import Renderer
from ndefender.radio.scene.truth import EmitterTruth, TruthEmission, emitters, truth

__all__ = [
    "EmitterTruth",
    "Renderer",
    "Scene",
    "TruthEmission",
    "builtin_scenes",
    "emitters",
    "load_scene",
    "truth",
]
