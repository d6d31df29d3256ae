"""What the terms of the Shortlist page mean; shown as help beside each, and in one popover."""

import streamlit as st

from core.shortlist.base import Method
from core.shortlist.slices import RetrievalFate

METHODS = {
    Method.DENSE.value: "Dense",
    Method.LEXICAL.value: "Lexical",
    Method.FUSION.value: "Fusion",
    Method.SENTENCES.value: "Sentences",
    Method.TWO_STEP.value: "Families first",
}
METHOD_HELP = (
    "Dense: labels whose vectors are nearest to the text's, by HNSW. Lexical: labels that share "
    "words with it, by BM25. Fusion: both lists, by reciprocal rank fusion (RRF). Sentences: "
    "fusion, in which a long text asks with each of its sentences too. Families first: the same, "
    "where groups of labels with one parent are ranked too."
)
K_HELP = "How many labels to retrieve, out of all labels."
N_HELP = "How many of the k retrieved labels a language model would be shown, best first."
EF_HELP = (
    "How widely HNSW looks around: the length of its list of candidates while it searches. "
    "Larger finds more of the true nearest labels and takes longer. At least k. Empty: the "
    "index's own."
)
RECALL_HELP = (
    "Recall@k: the share of a document's gold labels that are among its first k, from 0 to 1; "
    "the mean over documents."
)
FATES = {
    RetrievalFate.SHOWN.value: "Among the first n, so a language model would see it.",
    RetrievalFate.NOT_SHOWN.value: "Retrieved, but below the first n: the model never sees it.",
    RetrievalFate.INDEX_MISS.value: (
        "Exact search has it among the first k; HNSW, which looks at a part of the labels only, "
        "skipped it. A higher ef helps."
    ),
    RetrievalFate.ENCODER_MISS.value: (
        "Beyond k even by exact search: the method itself puts k other labels first."
    ),
    RetrievalFate.NOT_IN_VOCABULARY.value: "The label space does not have it.",
}
SIGNS = {
    RetrievalFate.SHOWN.value: "✓",
    RetrievalFate.NOT_SHOWN.value: "↓",
    RetrievalFate.INDEX_MISS.value: "✕",
    RetrievalFate.ENCODER_MISS.value: "✕",
    RetrievalFate.NOT_IN_VOCABULARY.value: "✕",
}
COLORS = {
    RetrievalFate.SHOWN.value: "#16867a",
    RetrievalFate.NOT_SHOWN.value: "#d39b1c",
    RetrievalFate.INDEX_MISS.value: "#7c3aed",
    RetrievalFate.ENCODER_MISS.value: "#c0392b",
    RetrievalFate.NOT_IN_VOCABULARY.value: "#7b8596",
}

TERMS = f"""
- **Gold label**: a label that the dataset gives the document; marked ★.
- **k**: {K_HELP}
- **n**: {N_HELP}
- **HNSW**: an index that finds nearly all of the nearest vectors by walking a graph.
- **Exact search**: compares the text with every label; what HNSW is measured against.
- **ef**: {EF_HELP}
- **BM25**: scores labels by the words they share with the text; rare words count more.
- **RRF**, reciprocal rank fusion: a label's score is the sum of 1 / (60 + its rank) over lists.
- **Recall@k**: {RECALL_HELP.removeprefix("Recall@k: ")}
- **Near miss**: a wrong label close to a gold one. **Sibling**: one under the same parent.
- **Head, torso, tail, unseen**: labels with 10 or more, 3 to 9, 1 or 2, and no training documents.
- **95% interval**: what the middle 95% of 1,000 resamples of the documents cover.

What retrieval can do to a gold label:

""" + "\n".join(f"- **{fate}**: {words}" for fate, words in FATES.items())


def terms() -> None:
    """A button that opens all of it."""
    with st.popover("Terms", icon=":material/help:", type="tertiary"):
        st.markdown(TERMS)
