"""The floor everybody stands on: settings, clock, database, errors, chains, crypto, log.

No word of the domain is spoken here.
"""
