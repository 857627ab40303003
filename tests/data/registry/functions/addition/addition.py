def handle(request):
    return "hi"
