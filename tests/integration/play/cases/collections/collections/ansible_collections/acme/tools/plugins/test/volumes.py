class TestModule:
    def tests(self):
        return {"loud": lambda text: text.isupper(), "soft": lambda text: text.islower()}
