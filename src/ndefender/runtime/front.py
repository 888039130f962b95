"""Main loop of the front process: the tracker on a thread of its own, Sanic on the main one."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from pathlib import Path
from typing import Any

from sanic import Sanic

from ndefender.api.scan import build_scan_app
from ndefender.ring.ledger import Ledger
from ndefender.ring.ring import RingReader
from ndefender.ring.segment import attach
from ndefender.runtime.books import Books
from ndefender.runtime.engine import Engine, EngineParts
from ndefender.runtime.exits import EXIT_FAILED, EXIT_OK
from ndefender.runtime.mapping import api_settings, band_spans, track_policy
from ndefender.runtime.messages import Link
from ndefender.runtime.port import FrontPort
from ndefender.runtime.process import Child
from ndefender.runtime.replay import Replayer
from ndefender.runtime.shared import Shared
from ndefender.runtime.spectra import SpectrumStore
from ndefender.runtime.vitals import Vitals
from ndefender.runtime.wiring import Seat
from ndefender.track.tracker import Tracker

LOOP_BEAT_S = 0.25

log = logging.getLogger(__name__)
