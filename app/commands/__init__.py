"""The commands, a small module for each theme; `app.cli` puts them together."""
