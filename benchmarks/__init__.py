"""Speed, memory and correctness, measured beside other programs: `python -m benchmarks`."""
