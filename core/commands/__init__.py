"""The commands of `phaselens`, one a file. They import what they need when they are called."""
