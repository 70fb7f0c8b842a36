class TestModule:
    def tests(self):
        return {"even_sized": lambda value: len(value) % 2 == 0}
