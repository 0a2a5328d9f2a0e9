"""Messages on their way out and their answers; knows no case."""
