"""JSON as the store writes it."""

import json
from typing import Any


def compact_json(value: Any) -> str:
    """`value` as JSON without spaces. ValueError for NaN and infinity: no database reads them."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
