"""The benchmarks: Lingpai beside its peers, in one process and one run. Part of no wheel."""
