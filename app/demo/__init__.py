"""What a demo folder is filled with: the real units, invented staff, synthetic persons."""
