# GET / | 500 | application/json | "reason": "exception"
def handle(request):
    raise RuntimeError("on purpose")
