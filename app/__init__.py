"""The command line and all that has to know every floor."""
