"""Open Drone ID messages: 25 bytes to a value with units, and back; pure functions on bytes.

`message.decode` and `message.encode` are the front, one leaf per message type has the bit layout. Stands on base only.
"""
