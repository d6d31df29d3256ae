"""Phases of free prose, found by what its steps look like; fitted and measured."""
