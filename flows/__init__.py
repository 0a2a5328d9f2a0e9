"""Work that runs by itself, carried and shown by Prefect: the only importer of it.

The database is the truth: every flow may be run twice, and what must happen happens without Prefect
too. Nothing about a person goes to Prefect: references, codes and times only (docs/adr/0046).
"""
