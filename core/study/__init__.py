"""The distillation study: teacher, students, tests, each step saved when it is done."""
