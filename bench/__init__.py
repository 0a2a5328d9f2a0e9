"""What speed costs here: each benchmark prints ours beside the limit measured in the same run.

Run ``python -m bench [name …] [--quick] [--full] [--write]`` from the project's environment. Times
are CPU unless a line says otherwise, because wall times swing on a shared machine; read the ratio
to the limit, which was measured between the same batches. `--write` renews `bench/RESULTS.md`.
"""
