"""The stages of the pipeline: each a function from files to files, each a command of `xit` and a stage of dvc.yaml."""
