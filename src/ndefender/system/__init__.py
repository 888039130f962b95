"""The host: statistics, UPS, services, network, audio, GPS, power; one backend a file, none able to stall the loop.

In: D-Bus, I2C, sockets, psutil. Out: sections of `events.host` and `COMMAND_ACK`. Imported by `runtime` only.
"""
