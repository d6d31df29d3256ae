"""PhaseLens core: shortlist, rerank and phases of label-selection traces. No streamlit here."""

import os

__version__ = "0.1.0"

# OpenMP threads that wait by spinning starve each other once two torch processes share the cores
# (an index build and a live example); threads that sleep at once slow a lone process down. A short
# spin has neither fault. Read when torch loads, so it is
# set here, before any of our modules can load it; GOMP_SPINCOUNT is for GNU's OpenMP alone.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
