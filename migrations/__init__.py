"""The schema's history: forward only, one migration after another, on SQLite and Postgres."""
