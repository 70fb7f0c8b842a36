class FilterModule:
    def filters(self):
        return {"visit": lambda text: "visit to " + text}
