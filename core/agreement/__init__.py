"""How far annotators agree, on what they do not, and where they contradict gold."""
