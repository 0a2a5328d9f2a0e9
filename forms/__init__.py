"""Printed forms and cards: a dataclass in, PDF or HTML out; knows no database."""
