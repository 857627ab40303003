# GET /?name=Ada | 200 | application/json | {"message":"Hello, Ada"}
async def handle(request):
    return {"message": "Hello, " + request.query_params["name"]}
