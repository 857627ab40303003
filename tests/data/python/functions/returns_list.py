# GET / | 200 | application/json | [1,"two",null]
def handle(request):
    return [1, "two", None]
