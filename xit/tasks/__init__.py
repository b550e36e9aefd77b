"""The data sets of the experiment, one a file; the file's name is the benchmark's own id of it."""
