"""The encoders of the experiment, one architecture or released model a file; the file's name is its id."""
