"""Rows of files as traces: JSONL, Parquet, CSV, chat logs, Inspect logs; each checked."""
