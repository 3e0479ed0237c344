"""A simulated bottling line: Modbus, OPC UA and Sparkplug devices, seeded, with its truth on file."""
