"""An emulated AD9361 radio that speaks libiio's network protocol.

In: TCP connections of libiio clients, a renderer. Out: attributes and I/Q blocks, in time like the hardware's.
Tests, demo and CI run the real client stack against it; only the command that starts it may import it.
"""
