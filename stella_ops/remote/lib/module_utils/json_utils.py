"""JSON among other lines."""

import json  # noqa: F401


def _filter_non_json_lines(data, objects_only=False):
    """The lines from the first that begins JSON to the last that ends it, and warnings about what follows."""
    lines = data.splitlines()
    opens = "{" if objects_only else "{["
    start = next((n for n, line in enumerate(lines) if line.strip()[:1] in tuple(opens)), None)
    if start is None:
        raise ValueError("No start of json char found")
    closes = "}" if lines[start].strip().startswith("{") else "]"
    end = next((n for n in range(len(lines) - 1, start - 1, -1) if lines[n].strip().endswith(closes)), None)
    if end is None:
        raise ValueError("No end of json char found")
    rest = "\n".join(lines[end + 1 :])
    warnings = ["Module invocation had junk after the JSON data: {}".format(rest)] if rest.strip() else []
    return "\n".join(lines[start : end + 1]), warnings
