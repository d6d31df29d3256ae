"""What decides which labels each method finds, besides the dataset, the index and the words.

It is part of the identity of everything that is kept of a retrieval: the default method, surveys,
measured recall. A changed constant, or a new VERSION, makes these be measured again.
"""

import hashlib

from core.shortlist import fusion, manifest, sentences, two_step

VERSION = 2  # raise it when a method finds other labels with the same constants


def retrieval_identity() -> str:
    """The version, and 12 hex digits of the SHA-256 of the constants of all methods."""
    decides = (
        fusion.CONSTANT, fusion.DEPTH, manifest.MOST_TIMES_EF, sentences.MOST_PARTS,
        sentences.FEWEST_WORDS, sentences.WHOLE, two_step.FAMILIES, two_step.LEADERS,
        two_step.BEHIND,
    )  # fmt: skip
    return f"{VERSION}:{hashlib.sha256(repr(decides).encode()).hexdigest()[:12]}"
