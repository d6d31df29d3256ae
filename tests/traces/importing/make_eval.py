"""Writes an Inspect log of two samples to a folder, by Inspect itself, in a Python that has it."""

import sys

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ContentReasoning, ContentText, ModelOutput, ModelUsage, get_model

OUTPUTS = [
    ModelOutput.from_content(
        "mockllm/model",
        [ContentReasoning(reasoning="Topic 3 or topic 2?"), ContentText(text="topic 3")],
    ),
    ModelOutput.from_content("mockllm/model", "plain topic 4"),
]
SAMPLES = [
    Sample(input="about topic 3", target="L3", id="one",
           metadata={"dataset": "mine", "document_id": "d3"}),
    Sample(input="a text of its own", target=["L4"], id="two", metadata={"dataset": "mine"}),
]  # fmt: skip

for output in OUTPUTS:  # else the mock model counts tokens with a file from the network
    output.usage = ModelUsage(input_tokens=5, output_tokens=7, total_tokens=12)

if __name__ == "__main__":
    evaluate(
        Task(dataset=MemoryDataset(SAMPLES, name="mine")),
        model=get_model("mockllm/model", custom_outputs=OUTPUTS),
        log_dir=sys.argv[1], log_format="eval", display="none", max_samples=1,
    )  # fmt: skip
