"""Feeds in: JSONL logs that are followed, and the ESP32 panel on its serial line.

In: bytes of files and a serial port. Out: events and telemetry, each once. Imported by `runtime` only.
"""
