"""The domain: plan, rules and verbs of a release, and the only owner of the case tables."""
