# GET / | 202 | text/csv | a,b
def handle(request):
    return (part for part in ("a,", "b")), 202, {"Content-Type": "text/csv"}
