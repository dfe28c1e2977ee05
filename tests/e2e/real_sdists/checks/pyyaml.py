"""What PyYAML writes and reads with the libyaml that was linked in, which runs Cython's code."""

import sys

import yaml
from yaml import _yaml

data = {"name": "ü\u20ac", "list": [1, 2.5, None, True], "nested": {"a": ["x: y", "#"]}}
text = yaml.dump(data, Dumper=yaml.CSafeDumper, allow_unicode=True)
assert text == yaml.dump(data, Dumper=yaml.SafeDumper, allow_unicode=True)
assert yaml.load(text, Loader=yaml.CSafeLoader) == data
sys.stdout.write(f"told: {_yaml.get_version_string()} {text!r}\n")
