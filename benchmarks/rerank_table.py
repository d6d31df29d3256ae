"""The figures of benchmarks/rerank.py for a person."""

from typing import Any

NAMES = {
    "generate": "transformers' generate()",
    "fast": "PhaseLens, fast mode",
    "guided": "PhaseLens, fast mode, guided",
    "llama_cpp": "llama.cpp, float32",
    "llama_cpp_q4": "llama.cpp, Q4_1 as shipped",
}


def table(data: dict[str, Any]) -> list[str]:
    """The figures for a person, as Markdown tables."""
    lines = [
        f"{data['name']}, {data['dtype']} on {data['device']}, {data['threads']} threads, torch "
        f"{data['torch']}, transformers {data['transformers']}; load average "
        f"{min(data['load']):.1f} to {max(data['load']):.1f} on {data['cores']} cores."
    ]
    if rates := data.get("tokens_per_second"):
        lines += [
            "",
            f"Prompts of {min(data['prompt_tokens'])} to {max(data['prompt_tokens'])} tokens, "
            f"{data['trace_tokens']:.0f} tokens of trace, {len(data['prompt_tokens'])} documents, "
            f"{data['runs']} runs.",
            "",
            "| engine | tokens/s | least to most | times generate() |",
            "| --- | ---: | --- | ---: |",
        ]
        lines += [
            f"| {NAMES[name]} | {rate['median']:.1f} | {rate['least']:.1f} to {rate['most']:.1f} | "
            f"{rate['median'] / rates['generate']['median']:.2f} |"
            for name, rate in rates.items()
        ]
        low, high = data["speedup_spread"]
        least, most = data["first_token_spread"]
        same = "is" if data["reference_identical"] else "is NOT"
        lines += [
            "",
            f"Fast mode is {data['speedup_over_generate']:.2f} times as fast as generate() (median "
            f"of pairs; {low:.2f} to {high:.2f}). First token after "
            f"{data['first_token_ms']:.0f} ms ({least:.0f} to {most:.0f}). Reference mode {same} "
            "generate() token for token.",
            "",
            f"Guided, {data['guided_speedup']:.2f} times, given tokens counted as written "
            f"({data['guided_given']:.0%} of the characters).",
        ]
    if data["missing"]:
        lines += ["", data["missing"]]
    if data["fast_same_label_sets"] is not None:
        lines += [
            "",
            f"Of {data['match_documents']} documents, fast mode ended with reference mode's labels "
            f"in {data['fast_same_label_sets']:.1%}, with its very text in "
            f"{data['fast_same_texts']:.1%}; {data['answered']:.0%} had an answer.",
        ]
    if data["batch_speedup"] is not None:
        lines += [
            "",
            f"Side by side, {data['batch_size']} at a time: "
            f"{data['batch_documents_per_second']:.3f} documents/s, {data['batch_speedup']:.2f} "
            f"times the {data['generate_documents_per_second']:.3f} of generate() one at a time; "
            f"reference mode's labels in {data['batch_same_label_sets']:.1%} of "
            f"{data['batch_documents']}.",
        ]
    if data["scorer_speedup"] is not None:
        low, high = data["scorer_spread"]
        lines += [
            "",
            f"Scoring {data['scorer_candidates']} candidates (prompts of "
            f"{data['scorer_prompt_tokens']} tokens): {data['scorer_s']:.2f} s, "
            f"{data['scorer_speedup']:.1f} times as fast as one prompt at a time ({low:.1f} to "
            f"{high:.1f}); in float32, where log-probabilities differ by at most "
            f"{data['scorer_max_error']:.1e}. In {data['dtype']} it takes "
            f"{data['scorer_chosen_s']:.2f} s, and they differ by at most "
            f"{data['scorer_chosen_max_error']:.3f}.",
        ]
    if data["live_share"] is not None:
        low, high = data["live_spread"]
        lines += [
            "",
            f"Beside a batch job a trace keeps {data['live_share']:.0%} of its speed ({low:.0%} to "
            f"{high:.0%}): {data['live_beside_per_second']:.1f} of "
            f"{data['live_alone_per_second']:.1f} tokens/s.",
        ]
    if data["student_speedup"] is not None:
        low, high = data["student_spread"]
        lines += [
            "",
            f"A student of {data['student_layers']} layers writes {data['student_speedup']:.2f} "
            f"times as fast as its teacher of {data['teacher_layers']} ({low:.2f} to {high:.2f}): "
            f"{data['student_per_second']:.1f} and {data['teacher_per_second']:.1f} tokens/s.",
        ]
    elif data.get("missing_student"):
        lines += ["", data["missing_student"]]
    return lines
