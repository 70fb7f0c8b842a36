def mytest(x): return 'yes'
class TestModule(object):
    def tests(self): return {'mytest': mytest}
