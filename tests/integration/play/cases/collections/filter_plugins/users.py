from ansible_collections.acme.tools.plugins.plugin_utils.volume import raised


class FilterModule:
    def filters(self):
        return {"mine": lambda text: "mine: " + raised(text)}
