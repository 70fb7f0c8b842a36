class TestModule:
    def tests(self):
        return {"single": lambda value: len(value) == 1}
