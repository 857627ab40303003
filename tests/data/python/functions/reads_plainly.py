# POST /shout {"text": "hello"} | 200 | text/plain; charset=utf-8 | HELLO
def handle(request):
    text = request.get_json()["text"]
    return text.upper() if request.path == "/shout" else text
