"""Numbers to print: tables, drawings, sentences, and the comparison with a reference."""
