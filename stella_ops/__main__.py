"""``python -m stella_ops`` is ``stella-ops``."""

from stella_ops.cli.entry import main

if __name__ == "__main__":
    main()
