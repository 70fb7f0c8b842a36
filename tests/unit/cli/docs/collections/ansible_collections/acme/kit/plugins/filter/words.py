class FilterModule:
    def filters(self):
        return {"low": str.lower, "silent": str.upper}
