# DELETE /thing | 204 | |
def handle(request):
    return None
