# GET / | 200 | text/plain; charset=utf-8 | called 1 times
class Counter:
    def __init__(self):
        self.count = 0

    def __call__(self, request):
        self.count += 1
        return f"called {self.count} times"


handle = Counter()
