"""Remote ID: who announces himself by Open Drone ID, in Wi-Fi and Bluetooth.

In: captures, frames of a monitor interface, Bluetooth advertisements. Out: contacts and their events.
"""
