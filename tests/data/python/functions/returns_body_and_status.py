# POST / | 201 | application/json | {"made":true}
def handle(request):
    return {"made": True}, 201
