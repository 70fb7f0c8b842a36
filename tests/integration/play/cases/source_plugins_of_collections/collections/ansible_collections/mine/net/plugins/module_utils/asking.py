import os


def ask(counted, wide):
    """What a service would answer; each question is written down."""
    with open(counted, "a") as file:
        file.write("asked\n")
    return [{"name": f"n-{number}", "role": "db" if number % 2 else "web-{{ 1 }}"} for number in range(wide)]


def base(path):
    return os.path.dirname(os.path.realpath(path))
