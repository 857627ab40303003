# GET / | 200 | text/plain; charset=utf-8 | grüße
def handle(request):
    return "grüße"
