def mytest(x):
    return "yes"


class TestModule:
    def tests(self):
        return {"mytest": mytest}
