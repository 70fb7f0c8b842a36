"""Wheels of nothing, each a few hundred bytes: make_wheels.py FOLDER."""

import sys
import zipfile

for name, version, needs in (
    ("alpha", "1.0", ""),
    ("alpha", "1.1", ""),
    ("alpha", "2.0", ""),
    ("beta_one", "1.0", "Requires-Dist: gamma\n"),
    ("gamma", "3.0", ""),
):
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(f"{sys.argv[1]}/{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", f"version = '{version}'\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
