"""A simulated bottling line: real Modbus TCP servers, seeded, with its truth on file."""
