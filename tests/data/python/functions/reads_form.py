# POST / a=1&b=2 | 200 | application/json | {"a":"1","b":"2"}
async def handle(request):
    return dict(await request.form())
