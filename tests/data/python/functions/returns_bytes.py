# GET / | 200 | application/octet-stream | raw
async def handle(request):
    return b"raw"
