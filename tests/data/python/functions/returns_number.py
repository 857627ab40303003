# GET / | 200 | application/json | 42
def handle(request):
    return 42
