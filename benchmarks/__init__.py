"""Measurements, run from a checkout: `phaselens bench ...`, or each file by itself."""
