"""Where examples and text come from, one source a file or folder; the data stage gives them all one schema.

A source exports `languages(task, settings)`, `has(task, settings)`, `text(language, settings)` and
`examples(task_id, task, split, language, settings, notes)`. No later stage knows which source an example is from.
"""
