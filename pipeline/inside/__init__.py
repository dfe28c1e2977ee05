"""Programs that run inside a step, on the image's Python: standard library and `/env` only.

They reach a step as a named context of their own (`pipeline.stages.inside`), so a Dockerfile that
is built elsewhere has them too. Nothing here imports the rest of `pipeline`.
"""
