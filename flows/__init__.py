"""Flows that carry and show the work: the only floor that knows Prefect."""
