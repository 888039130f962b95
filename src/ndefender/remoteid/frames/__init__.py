"""From captured frames to Open Drone ID payloads: capture files, 802.11, Bluetooth. No message is decoded here.

In: a capture file, or single frames with their link type. Out: `Heard` and `DjiHeard`.
"""
