"""The tables and figures of the paper, one a file; the file's name is its id."""
