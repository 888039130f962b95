"""The host's peers on their own transports, for tests and the demo: what they say is simulated.

In: clocks, seeds, scripts. Out: buses, sockets and daemons that the backends talk to as to the real ones.
"""
