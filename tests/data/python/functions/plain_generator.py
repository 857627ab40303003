# GET / | 200 | text/plain; charset=utf-8 | 0 1 2
def handle(request):
    for number in range(3):
        yield f"{number} "
