"""The only place that counts; reads cases and changes none."""
