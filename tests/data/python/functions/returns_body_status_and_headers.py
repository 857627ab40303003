# GET / | 418 | text/html | <p>teapot</p>
async def handle(request):
    return "<p>teapot</p>", 418, {"Content-Type": "text/html"}
