"""A local Azure: as much of ARM, AKS, Event Grid and the Functions host as Tether touches, on 127.0.0.1.

Its answers are those of the recorded traffic (`tests/fidelity` compares them), its timing is Azure's own
divided by a clock factor, and its faults are those that a caller asks for.
"""
