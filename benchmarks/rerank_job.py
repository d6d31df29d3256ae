"""A batch job for benchmarks/rerank.py: at the priority of jobs it writes until it is killed.

    python -m benchmarks.rerank_job DATASET

It prints "writing" when its model is loaded and its first texts are begun.
"""

import sys
from collections.abc import Iterator
from itertools import cycle

from benchmarks.rerank_subject import Bench, Choices
from core.config import load_settings
from core.jobs.__main__ import give_way
from core.models.base import Request
from core.rerank.base import Decoding


def main() -> None:
    give_way()
    choices = Choices(dataset=sys.argv[1], match=16)
    bench = Bench(load_settings(), choices, lambda line: None)
    examples = [bench.example(document) for document in bench.texts[: choices.match]]

    def requests() -> Iterator[Request]:
        for number, one in enumerate(cycle(examples)):
            if number == choices.batch_size:
                print("writing", flush=True)
            yield Request(one.prompt, Decoding(), lambda piece: None, lambda: False)

    for _ in bench.model.generate_many(requests(), choices.batch_size):
        pass


if __name__ == "__main__":
    main()
