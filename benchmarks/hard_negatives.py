"""Does an encoder that is trained on annotators' hard negatives find more? Trains a copy of the
packaged one, and measures both on a golden set.

    phaselens annotations hard-negatives --out triplets.jsonl --shape triplets
    phaselens annotations gold --out golden --labels
    python -m benchmarks.hard_negatives triplets.jsonl golden --out tuned

1. A step takes 32 triplets: each text is drawn to its label, away from its hard negative and from
   the other labels of the batch (MultipleNegativesRankingLoss; Henderson et al. 2017).
2. Recall@10 and @50 by exact cosine, before and after, on documents of the golden set whose texts
   are in no triplet; the difference is paired by document, with its 95% bootstrap interval.

The copy is for measuring and for other programs: PhaseLens's own indexes use the packaged encoder.
"""

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.encoders import model_folder
from core.metrics.at_k import recall_at
from core.metrics.paired import difference

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

CUTS = (10, 50)


def main() -> None:
    from sentence_transformers import SentenceTransformer

    asked = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    asked.add_argument("triplets", type=Path)
    asked.add_argument("golden", type=Path, help="a folder with documents.jsonl and labels.jsonl")
    asked.add_argument("--out", type=Path, help="where the trained encoder is saved")
    asked.add_argument("--epochs", type=int, default=1)
    asked.add_argument("--rate", type=float, default=2e-5)
    asked.add_argument("--batch-size", type=int, default=32)
    given = asked.parse_args()
    triplets = rows_of(given.triplets)
    seen = {row["anchor"] for row in triplets}
    documents = [row for row in rows_of(given.golden / "documents.jsonl") if row["gold"]]
    held_out = [row for row in documents if row["text"] not in seen]
    labels = rows_of(given.golden / "labels.jsonl")
    if not held_out:
        raise SystemExit("Every golden document is in a triplet: nothing is left to measure on.")
    model = SentenceTransformer(str(model_folder()), device="cpu")
    before = recalls(model, held_out, labels)
    losses = train(model, triplets, given.epochs, given.rate, given.batch_size)
    after = recalls(model, held_out, labels)
    if given.out:
        model.save_pretrained(str(given.out))
    print(f"{len(triplets):,} triplets, loss {losses[0]:.3f} to {losses[-1]:.3f}; "
          f"{len(held_out):,} documents held out, {len(labels):,} labels.\n")  # fmt: skip
    print("| recall | before | after | difference | 95% | p |\n|---|---|---|---|---|---|")
    for k in CUTS:
        less = difference(after[k], before[k])
        print(f"| @{k} | {np.mean(before[k]):.4f} | {np.mean(after[k]):.4f} | {less.mean:+.4f} | "
              f"{less.low:+.4f} to {less.high:+.4f} | {less.p:.3f} |")  # fmt: skip


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def train(
    model: "SentenceTransformer",
    triplets: Sequence[dict[str, str]],
    epochs: int,
    rate: float,
    batch_size: int,
) -> list[float]:
    """Trains in place, the triplets in another order each epoch; the loss of every step."""
    import torch
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    torch.manual_seed(0)
    loss = MultipleNegativesRankingLoss(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    found = []
    model.train()
    for epoch in range(epochs):
        order = random.Random(epoch).sample(list(triplets), len(triplets))
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            texts = [[row[name] for row in batch] for name in ("anchor", "positive", "negative")]
            value = loss([model.preprocess(some) for some in texts], torch.zeros(len(batch)))
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            found.append(float(value.detach()))
    model.eval()
    return found


def recalls(
    model: "SentenceTransformer",
    documents: Sequence[dict[str, Any]],
    labels: Sequence[dict[str, Any]],
) -> dict[int, list[float]]:
    """k -> recall@k of each document, by exact cosine over the labels' names."""
    names = model.encode([row["name"] for row in labels], normalize_embeddings=True)
    texts = model.encode([row["text"] for row in documents], normalize_embeddings=True)
    found: dict[int, list[float]] = {k: [] for k in CUTS}
    for vector, row in zip(texts, documents, strict=True):
        order = np.argsort(-(names @ vector), kind="stable")[: max(CUTS)]
        ranking = [labels[at]["id"] for at in order]
        for k in CUTS:
            found[k].append(recall_at(ranking, set(row["gold"]), k))
    return found


if __name__ == "__main__":
    main()
