"""The world behind the micro source: what is said in it, in which words, and the generators of tasks and text."""
