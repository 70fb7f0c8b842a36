"""Names of facts."""


class FactNamespace(object):
    """Leaves names as they are."""

    def __init__(self, namespace_name):
        self.namespace_name = namespace_name

    def transform(self, name):
        """The name that a fact goes by."""
        return name


class PrefixFactNamespace(FactNamespace):
    """Puts a prefix before names."""

    def __init__(self, namespace_name, prefix=None):
        super().__init__(namespace_name)
        self.prefix = prefix or ""

    def transform(self, name):
        return self.prefix + name
