"""The base of what collects facts."""


class BaseFactCollector(object):
    """Collects the facts of one name."""

    _fact_ids = set()  # type: set[str]
    _platform = "Generic"
    name = None  # type: str | None
    required_facts = set()  # type: set[str]

    def __init__(self, collectors=None, namespace=None):
        self.collectors = collectors or []
        self.namespace = namespace
        self.fact_ids = {self.name} | set(self._fact_ids)

    @classmethod
    def platform_match(cls, platform_info):
        """This class where it is made for a platform, else None."""
        return cls if platform_info.get("system") == cls._platform else None

    def collect_with_namespace(self, module=None, collected_facts=None):
        """The facts, by the names of the namespace."""
        facts = self.collect(module=module, collected_facts=collected_facts) or {}
        if self.namespace is None:
            return facts
        return {self.namespace.transform(name): value for name, value in facts.items()}

    def collect(self, module=None, collected_facts=None):
        """The facts; heirs say which."""
        return {}
