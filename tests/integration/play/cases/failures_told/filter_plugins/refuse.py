class FilterModule:
    def filters(self):
        return {"refuse": self.refuse}

    def refuse(self, value):
        raise ValueError(f"not {value}")
