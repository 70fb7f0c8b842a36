class TestModule:
    def tests(self):
        return {"refusing": self.refusing}

    def refusing(self, value):
        raise ValueError(f"not {value}")
